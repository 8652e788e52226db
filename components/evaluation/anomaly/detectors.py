"""The detectors side by side, and their combination.

Letters: N training samples, M queries, D features.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles
from components.evaluation.anomaly.combine import MeanOfRanks, fit_mean_of_ranks
from components.evaluation.anomaly.ecod import fit_ecod
from components.evaluation.anomaly.inputs import finite
from components.evaluation.anomaly.isolation_forest import fit_isolation_forest
from components.evaluation.anomaly.neighbour_distance import fit_neighbour_distance
from components.evaluation.classification.outliers import fit_mahalanobis
from components.evaluation.classification.probe import moments

Floats = NDArray[np.floating]

COMBINED = "mean of ranks"


class Detector(Protocol):
    """A fitted detector."""

    def scores(self, x: Floats) -> Doubles:
        """[M, D] -> [M], higher is more anomalous."""
        ...


def _mahalanobis(x: Floats, seed: int) -> Detector:
    return fit_mahalanobis(x, np.zeros(len(x), dtype=np.int64))


FITS: dict[str, Callable[[Floats, int], Detector]] = {
    "isolation forest": lambda x, seed: fit_isolation_forest(x, seed=seed),
    "ecod": lambda x, seed: fit_ecod(x),
    "neighbours": lambda x, seed: fit_neighbour_distance(x, seed=seed),
    "mahalanobis": _mahalanobis,
}
"""Detectors by name, each fitted on standardised samples [N, D] and a seed."""


@dataclass(frozen=True)
class Detectors:
    """centre, scale: [D] of the training samples. fitted: by name. combined: their mean of ranks."""

    centre: Doubles
    scale: Doubles
    fitted: dict[str, Detector]
    combined: MeanOfRanks

    def scores(self, x: Floats) -> dict[str, Doubles]:
        """[M, D] -> detector -> [M] scores of samples that it was not fitted on, and those of COMBINED."""
        points = (np.asarray(x, dtype=np.float64) - self.centre) / self.scale
        each = {name: detector.scores(points) for name, detector in self.fitted.items()}
        return {**each, COMBINED: self.combined.scores(each)}


def fit_detectors(x: Floats, seed: int = 0) -> Detectors:
    """All detectors, fitted on [N, D] without labels.

    Raises:
        UserError: fewer than two samples, values that are not finite, or samples that are all the same.
    """
    points = finite(x, "a detector")
    centre, scale = moments(points)
    points = (points - centre) / scale
    fitted = {name: fit(points, seed) for name, fit in FITS.items()}
    own = {name: getattr(one, "own_scores", one.scores)(points) for name, one in fitted.items()}
    return Detectors(centre, scale, fitted, fit_mean_of_ranks(own))
