"""Samples unlike everything that was learnt from, at a stated rate of false alarms.

Sources: Lee et al. 2018 (arXiv:1807.03888), eq. 2: Mahalanobis distance to the nearest group's mean under one
covariance for all groups; Ledoit & Wolf 2004, which shrinks that covariance so that it can be inverted with few
samples; Sun et al. 2022 (arXiv:2204.06507): distance to the k-th nearest neighbour on the unit sphere.
Deviation: the groups are pseudo-labels (or clusters, where those have no class), so that all unlabelled samples
count and no label is needed. With one class of Fashion-MNIST left out in turn (the quickstart's frozen features, two
runs) the area under the curve is .82 with pseudo-labels, .80 with 60 clusters, .80 by neighbours.
Letters: N samples, M queries, D features, G groups.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles, Ints
from components.errors import UserError
from components.evaluation.classification.conformal import bound

Floats = NDArray[np.floating]

CHUNK = 1024  # queries at a time


def shrunk(residuals: Floats) -> tuple[Doubles, float]:
    """Covariance [D, D] of [N, D] of mean 0, drawn towards its mean variance; and by what share, 0 to 1."""
    x = np.asarray(residuals, dtype=np.float64)
    count, size = x.shape
    plain = x.T @ x / count
    centre = np.trace(plain) / size
    apart = ((plain - centre * np.eye(size)) ** 2).sum() / size
    noise = ((x**2).T @ (x**2) / count - plain**2).sum() / (size * count)
    share = float(min(noise, apart) / apart) if apart > 0 else 0.0
    return (1 - share) * plain + share * centre * np.eye(size), share


@dataclass(frozen=True)
class Mahalanobis:
    """means [G, D] and the features' own, both times `whiten` [D, D], in which the covariance is the identity."""

    means: Doubles
    whiten: Doubles

    def scores(self, x: Floats) -> Doubles:
        """[M, D] -> [M] distance to the nearest group, 0 at a mean; about sqrt(D) for the samples it was fitted on."""
        found = []
        for start in range(0, len(x), CHUNK):
            part = np.asarray(x[start : start + CHUNK], dtype=np.float64) @ self.whiten
            squares = (part**2).sum(axis=1)[:, None] - 2 * part @ self.means.T + (self.means**2).sum(axis=1)
            found.append(np.sqrt(np.maximum(squares.min(axis=1), 0)))
        return np.concatenate(found) if found else np.empty(0)


def fit_mahalanobis(x: Floats, group: Ints) -> Mahalanobis:
    """From features [N, D] and the group [N] of each.

    Raises:
        UserError: these differ in length, or there are fewer than two samples, or they are all the same.
    """
    x = np.asarray(x, dtype=np.float64)
    if len(x) != len(group) or len(x) < 2:
        raise UserError(
            "array-invalid",
            f"two features [N, D] or more and their groups needed, got {x.shape} and {np.shape(group)}",
        )
    names, place = np.unique(group, return_inverse=True)
    means = np.zeros((len(names), x.shape[1]))
    np.add.at(means, place, x)
    means /= np.bincount(place)[:, None]
    covariance, _ = shrunk(x - means[place])
    values, vectors = np.linalg.eigh(covariance)
    if values[-1] <= 0:
        raise UserError(
            "too-few-distinct-points",
            "features that vary inside a group needed, got equal ones; ask for fewer clusters than samples",
        )
    whiten = vectors / np.sqrt(np.maximum(values, 1e-9 * values[-1]))
    return Mahalanobis(means @ whiten, whiten)


@dataclass(frozen=True)
class Neighbours:
    """bank [N, D] of unit length; k: which neighbour's distance counts."""

    bank: Floats
    k: int

    def scores(self, x: Floats) -> Doubles:
        """[M, D] of any length -> [M] distance of the unit features to the k-th neighbour, 0 to 2."""
        unit, found = _unit(x), []
        place = min(self.k, len(self.bank)) - 1
        for start in range(0, len(unit), CHUNK):
            cosine = unit[start : start + CHUNK] @ self.bank.T
            nearest = -np.partition(-cosine, place, axis=1)[:, place]
            found.append(np.sqrt(np.maximum(2 - 2 * nearest.astype(np.float64), 0)))
        return np.concatenate(found) if found else np.empty(0)


def fit_neighbours(x: Floats, k: int = 10) -> Neighbours:
    """From features [N, D]. k: the paper has 50 of 50,000 and 1000 of a million; 10 suits thousands."""
    return Neighbours(_unit(x), k)


def limit(held: Doubles, rate: float = 0.05) -> float:
    """The score above which a sample is called an outlier: of samples like `held` [N], which the detector was not
    fitted on, at most a share `rate` lies above it; infinity where there are too few to say so.

    Scores 1..19 at rate .05: 19.
    """
    return bound(np.asarray(held, dtype=np.float64), rate)


def _unit(x: Floats) -> Floats:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.maximum(length, 1e-12))
