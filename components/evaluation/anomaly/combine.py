"""Scores of several detectors as one, without a label: the mean of their ranks among the training samples.

Source: rank averaging of outlier ensembles, Aggarwal & Sathe 2015 (doi:10.1145/2830544.2830549): ranks make scores of
different units comparable. A rank is 1 less the tail probability of a score among those of the training samples.
Deviation: scores above those of all training samples are told apart, in the place of one sample more.
Letters: N training samples, M queries, J detectors.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.arrays import Doubles
from components.errors import UserError


@dataclass(frozen=True)
class MeanOfRanks:
    """ordered: detector -> [N] scores of the training samples, rising."""

    ordered: dict[str, Doubles]

    def scores(self, found: Mapping[str, Doubles]) -> Doubles:
        """Detector -> [M] scores; -> [M] in [0, 1), the mean of the detectors' ranks.

        Raises:
            UserError: other detectors than those of the training samples.
        """
        return np.asarray(np.mean(list(self.each(found).values()), axis=0))

    def each(self, found: Mapping[str, Doubles]) -> dict[str, Doubles]:
        """Detector -> [M] ranks; arguments and errors as those of `scores`."""
        if found.keys() != self.ordered.keys():
            raise UserError(
                "lengths-differ",
                f"scores of {', '.join(self.ordered)} are required, got {', '.join(found)}",
            )
        return {name: ranks(ordered, found[name]) for name, ordered in self.ordered.items()}


def fit_mean_of_ranks(own: Mapping[str, Doubles]) -> MeanOfRanks:
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
    return MeanOfRanks({name: np.sort(np.asarray(scores, dtype=np.float64)) for name, scores in own.items()})


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
