"""Scores of several detectors as one, without a label: the mean of their ranks.

Source: rank averaging of outlier ensembles, Aggarwal & Sathe 2015 (doi:10.1145/2830544.2830549): ranks make scores of
different units comparable.
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
        """Detector -> [M] scores; -> [M] in [0, 1], the mean over the detectors of the share of training samples with a
        lower score, ties by halves.

        Raises:
            UserError: other detectors than those of the training samples.
        """
        if found.keys() != self.ordered.keys():
            raise UserError(f"scores of {', '.join(self.ordered)} are required, got {', '.join(found)}")
        each = [_ranks(self.ordered[name], np.asarray(found[name])) for name in self.ordered]
        return np.asarray(np.mean(each, axis=0))


def fit_mean_of_ranks(own: Mapping[str, Doubles]) -> MeanOfRanks:
    """own: detector -> [N] scores of the training samples.

    Raises:
        UserError: no detector, or scores of different numbers of samples.
    """
    lengths = {len(scores) for scores in own.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise UserError(
            f"scores of the same samples are required of each detector, got {sorted(lengths)} samples"
        )
    return MeanOfRanks({name: np.sort(np.asarray(scores, dtype=np.float64)) for name, scores in own.items()})


def _ranks(ordered: Doubles, scores: Doubles) -> Doubles:
    below = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    return np.asarray((below + upto) / 2 / len(ordered))
