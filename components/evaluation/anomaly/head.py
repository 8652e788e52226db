"""What a handful of labelled anomalies add to detectors that need none.

A logistic regression tells labelled anomalies from all other training samples, most of which are normal, on the
features and the detectors' tails (as XGBOD does with boosting, Zhao & Hryniewicki 2018,
doi:10.1109/IJCNN.2018.8489605). Its tail is mixed with that of the detectors. How much it counts is cross-fitted: each
labelled anomaly is ranked among other samples by a regression that did not see it, and minus the logarithm of its tail
probability there is its likelihood under a share of the mix. The share is the mean over SHARES, weighted by that
likelihood, so that a regression that ranks new anomalies no better than the detectors do counts for little.
Letters: N training samples, M queries, D inputs.
"""

from dataclasses import dataclass

import numpy as np
import torch

from components.arrays import Bools, Doubles, Ints
from components.evaluation.anomaly.combine import ranks
from components.evaluation.classification.logistic import fit_logistic

FEWEST = 3  # labelled anomalies
OTHERS = 4000  # samples that they are told from
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
STRENGTH = 30.0  # of all labels together, against the penalty
FOLDS = 5


@dataclass(frozen=True)
class Head:
    """weight: [D]. share: of the mix. ordered: [n] scores of the samples that are no labelled anomalies, rising."""

    weight: Doubles
    bias: float
    share: float
    ordered: Doubles

    def tails(self, inputs: Doubles) -> Doubles:
        """[M, D] -> [M] >= 0: minus the logarithm of the share of training samples that score as high."""
        return tails(self.ordered, inputs @ self.weight + self.bias)


def tails(ordered: Doubles, scores: Doubles) -> Doubles:
    """[M] scores -> [M] minus the logarithm of their tail probability among [N] of training samples, rising."""
    return np.asarray(-np.log1p(-ranks(ordered, scores)))


def normal_scores(ordered: Doubles, x: Doubles) -> Doubles:
    """[M, D] -> [M, D] normal scores by the ranks among the training samples [N, D], each column rising; finite."""
    count, found = len(ordered), np.empty(x.shape)
    for column in range(x.shape[1]):
        below = np.searchsorted(ordered[:, column], x[:, column], side="left")
        upto = np.searchsorted(ordered[:, column], x[:, column], side="right")
        found[:, column] = ((below + upto) / 2 + 0.5) / (count + 1)
    return np.asarray(torch.special.ndtri(torch.from_numpy(found)).numpy())


def fit_head(inputs: Doubles, without: Doubles, anomaly: Bools, seed: int = 0) -> Head:
    """From training samples.

    Args:
        inputs: [N, D]. without: [N] tails of the detectors alone. anomaly: [N] labelled anomalies; the others count as
            normal.
    """
    random = np.random.default_rng(seed)
    labelled = np.flatnonzero(anomaly)
    others = np.sort(random.permutation(np.flatnonzero(~anomaly))[:OTHERS])
    folds = min(FOLDS, len(labelled))
    of = random.permutation(len(labelled)) % folds, random.permutation(len(others)) % folds
    likely = np.array([found.sum() for found in _likely(inputs, without, labelled, others, of).values()])
    weights = np.exp(likely - likely.max())
    share = float(weights @ np.array(SHARES) / weights.sum())
    weight, bias = _fit(inputs, labelled, others)
    return Head(weight, bias, share, np.sort(inputs[others] @ weight + bias))


def _likely(
    inputs: Doubles, without: Doubles, labelled: Ints, others: Ints, of: tuple[Ints, Ints]
) -> dict[float, Doubles]:
    """Share -> [labelled anomalies] their tails among other samples, by regressions that saw neither."""
    found = {share: np.empty(len(labelled)) for share in SHARES}
    for number in range(int(of[0].max()) + 1):
        asked, beside = labelled[of[0] == number], others[of[1] == number]
        weight, bias = _fit(inputs, labelled[of[0] != number], others[of[1] != number])
        usual = np.sort(inputs[beside] @ weight + bias)
        for share in SHARES:
            own, theirs = (
                (1 - share) * without[rows] + share * tails(usual, inputs[rows] @ weight + bias)
                for rows in (asked, beside)
            )
            found[share][of[0] == number] = tails(np.sort(theirs), own)
    return found


def _fit(inputs: Doubles, labelled: Ints, others: Ints) -> tuple[Doubles, float]:
    """Weights [D] and bias; anomalies and others count the same together."""
    rows = np.concatenate([labelled, others])
    truth = np.repeat([1, 0], [len(labelled), len(others)])
    weights = np.repeat([0.5 / len(labelled), 0.5 / len(others)], [len(labelled), len(others)])
    found = fit_logistic(inputs[rows], truth, 2, strength=STRENGTH, weights=weights)
    return found.weight[1] - found.weight[0], float(found.bias[1] - found.bias[0])
