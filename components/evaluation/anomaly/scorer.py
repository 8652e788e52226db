"""Detectors on several kinds of features, and what labelled anomalies add, as one score with a threshold.

Letters: N training samples, M queries, D features of one kind, J detectors of all kinds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.arrays import Bools, Doubles, Ints
from components.errors import UserError
from components.evaluation.anomaly.combine import ranks
from components.evaluation.anomaly.detectors import Detectors, fit_detectors
from components.evaluation.anomaly.ecod import Ecod
from components.evaluation.anomaly.head import FEWEST, Head, fit_head, normal_scores, tails

Floats = NDArray[np.floating]
Given = Mapping[str, Floats]  # kind of features -> [M, D]

FOLDS = 3  # of the training samples, for the threshold


class Scored(NamedTuple):
    """score [M] in [0, 1): about the share of training samples that are more ordinary. ranks: "DETECTOR, KIND" -> [M],
    see combine."""

    score: Doubles
    ranks: dict[str, Doubles]


@dataclass(frozen=True)
class Scorer:
    """detectors: by kind of features. mean: [N] mean ranks of the training samples, rising. ordered: [N] the same of
    the mix with the head, None without one."""

    detectors: dict[str, Detectors]
    mean: Doubles
    head: Head | None = None
    ordered: Doubles | None = None

    @property
    def names(self) -> list[str]:
        """The detectors, in the order of their ranks."""
        return [f"{name}, {kind}" for kind, found in self.detectors.items() for name in found.fitted]

    def scored(self, given: Given) -> Scored:
        each = self._ranks(given)
        mean = np.mean(list(each.values()), axis=0)
        if self.head is None or self.ordered is None:
            return Scored(ranks(self.mean, mean), each)
        mixed = mix(self.head, tails(self.mean, mean), self.head.tails(self.inputs(given, each)))
        return Scored(ranks(self.ordered, mixed), each)

    def inputs(self, given: Given, each: Mapping[str, Doubles]) -> Doubles:
        """[M, all D + J]: what the head is fitted on: normal scores of the features, and the detectors' tails."""
        scores = [
            normal_scores(ecod_of(found).ordered, found.standardised(given[kind]))
            for kind, found in self.detectors.items()
        ]
        return np.column_stack([*scores, *(-np.log1p(-rank) for rank in each.values())])

    def _ranks(self, given: Given) -> dict[str, Doubles]:
        return {
            f"{name}, {kind}": rank
            for kind, detectors in self.detectors.items()
            for name, rank in detectors.ranks(given[kind]).items()
        }


def mix(head: Head, without: Doubles, of_head: Doubles) -> Doubles:
    """[M] tails of the detectors and of the head as one."""
    return np.asarray((1 - head.share) * without + head.share * of_head)


def ecod_of(detectors: Detectors) -> Ecod:
    """The detector that looks at single features."""
    found = detectors.fitted["ecod"]
    assert isinstance(found, Ecod)
    return found


def fit_scorer(given: Given, anomaly: Bools, seed: int = 0) -> Scorer:
    """From training samples.

    Args:
        given: features [N, D] by kind. anomaly: [N] those with a label that says so; none is needed. All others count
            as normal, as most of them are.

    Raises:
        UserError: no kind of features, or one that no detector can be fitted on.
    """
    if not given:
        raise UserError("array-invalid", "features of one kind or more are required, got none")
    detectors = {kind: fit_detectors(x, seed, anomaly) for kind, x in given.items()}
    plain = Scorer(detectors, np.empty(0))
    each = plain._ranks(given)
    mean = np.asarray(np.mean(list(each.values()), axis=0))
    ordered = np.sort(mean)
    if anomaly.sum() < FEWEST:
        return Scorer(detectors, ordered)
    inputs, without = plain.inputs(given, each), tails(ordered, mean)
    head = fit_head(inputs, without, anomaly, seed)
    return Scorer(detectors, ordered, head, np.sort(mix(head, without, head.tails(inputs))))


def held_out(given: Given, anomaly: Bools, seed: int = 0, folds: int = FOLDS) -> Doubles:
    """[N] score of each training sample by a scorer that was fitted on the others. Arguments and errors as those of
    fit_scorer."""
    count = len(anomaly)
    fold = _folds(anomaly, folds, seed)
    found = np.empty(count)
    for number in range(folds):
        out = fold == number
        scorer = fit_scorer({kind: x[~out] for kind, x in given.items()}, anomaly[~out], seed)
        found[out] = scorer.scored({kind: x[out] for kind, x in given.items()}).score
    return found


def _folds(anomaly: Bools, folds: int, seed: int) -> Ints:
    """[N] 0..folds-1 at random, labelled anomalies spread evenly."""
    order = np.random.default_rng(seed).permutation(len(anomaly))
    order = order[np.argsort(~anomaly[order], kind="stable")]
    fold = np.empty(len(anomaly), dtype=np.int64)
    fold[order] = np.arange(len(anomaly)) % folds
    return fold
