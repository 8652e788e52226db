"""Scores of several detectors as one, without a label: the mean of their excesses, and their ranks side by side.

An excess is how far a score lies above the median of the training samples' scores, in units of the distance from there
to their 95th percentile: scores of different units become comparable, and a sample that one detector finds far out
stays far out (averaging of normalised scores, Aggarwal & Sathe 2015, doi:10.1145/2830544.2830549). Deviation: both
units are quantiles, as anomalies among the training samples would stretch a standard deviation, and an excess above
MOST grows by its logarithm, so that a detector without a scale cannot decide alone. A mean of ranks hides what
one detector alone sees (docs/log.md).
A rank is 1 less the tail probability of a score among those of the training samples. Scores above those of all
training samples are distinguished, in the place of one sample more.
Letters: N training samples, M queries, J detectors.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.arrays import Doubles
from components.errors import UserError

MOST = 10.0  # of an excess that counts in full


@dataclass(frozen=True)
class MeanOfExcesses:
    """ordered: detector -> [N] scores of the training samples, rising."""

    ordered: dict[str, Doubles]

    def scores(self, found: Mapping[str, Doubles]) -> Doubles:
        """Detector -> [M] scores; -> [M], the mean of the detectors' excesses.

        Raises:
            UserError: other detectors than those of the training samples.
        """
        return np.asarray(np.mean(list(self.excesses(found).values()), axis=0))

    def excesses(self, found: Mapping[str, Doubles]) -> dict[str, Doubles]:
        """Detector -> [M] excesses; arguments and errors as those of `scores`."""
        self._require(found)
        return {name: excess(ordered, found[name]) for name, ordered in self.ordered.items()}

    def ranks(self, found: Mapping[str, Doubles]) -> dict[str, Doubles]:
        """Detector -> [M] ranks; arguments and errors as those of `scores`."""
        self._require(found)
        return {name: ranks(ordered, found[name]) for name, ordered in self.ordered.items()}

    def _require(self, found: Mapping[str, Doubles]) -> None:
        if found.keys() != self.ordered.keys():
            raise UserError(
                "lengths-differ",
                f"scores of {', '.join(self.ordered)} are required, got {', '.join(found)}",
            )


def fit_mean_of_excesses(own: Mapping[str, Doubles]) -> MeanOfExcesses:
    """own: detector -> [N] scores of the training samples.

    Raises:
        UserError: no detector, or scores of different numbers of samples.
    """
    lengths = {len(scores) for scores in own.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise UserError(
            "lengths-differ",
            f"scores of the same samples are required of each detector, got {sorted(lengths)} samples",
        )
    return MeanOfExcesses(
        {name: np.sort(np.asarray(scores, dtype=np.float64)) for name, scores in own.items()}
    )


def excess(ordered: Doubles, scores: Doubles) -> Doubles:
    """[M]. ordered: [N] scores of the training samples, rising. Among 0, 1, ..., 100 the scores 50, 95
    and 140 have the excesses 0, 1 and 2. Where half of the training samples have one score, the largest takes the place
    of the 95th percentile; where all have, there is no excess."""
    middle, high = np.quantile(ordered, (0.5, 0.95))
    unit = high - middle or ordered[-1] - middle
    if not unit:
        return np.zeros(len(scores))
    found = (np.asarray(scores, dtype=np.float64) - middle) / unit
    more = np.log1p(np.maximum(np.abs(found) - MOST, 0))
    return np.asarray(np.clip(found, -MOST, MOST) + np.sign(found) * more)


def ranks(ordered: Doubles, scores: Doubles) -> Doubles:
    """[M] in [0, 1): the share of N training samples and one more that have a lower score, ties by halves.

    ordered: [N] scores of the training samples, rising. A score above them all gets N / (N + 1) and, by how far it is
    above, up to 1 / (N + 1) more. Among 1, 2, 2, 3 the scores 0, 2, 3 have the ranks 0, 2/5, 7/10.
    """
    scores, count = np.asarray(scores, dtype=np.float64), len(ordered)
    below = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    unit = max(float(ordered[-1] - ordered[count // 2]), 1e-12)
    excess = np.maximum(scores - ordered[-1], 0) / unit
    return np.asarray(((below + upto) / 2 + excess / (1 + excess)) / (count + 1))
