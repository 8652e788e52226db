"""Linear probe: what a linear classifier reads off frozen features, given only the few labels.

Features are standardised by the statistics of the *unlabelled* pool (a few labels estimate them badly), the
strength C is chosen by cross-validation on the labels: the most right held-out labels, between equals the
likelier.
Letters: N labels, D features, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Ints
from components.evaluation.classification.calibration import log_loss
from components.evaluation.classification.folds import possible_folds, stratified_folds
from components.evaluation.classification.logistic import Linear, fit_logistic

Floats = NDArray[np.floating]

GRID = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
UNTUNED = 0.03  # where there are too few labels to choose


@dataclass(frozen=True)
class Choice:
    """strength: C. logits: [N, K] of each label by a model that did not see it. accuracy: their share right.

    With too few labels to hold any out, logits and accuracy are None and strength is the given default.
    """

    strength: float
    logits: NDArray[np.float64] | None
    accuracy: float | None


@dataclass(frozen=True)
class Probe:
    """mean, scale: [D] of the pool; linear on the standardised features; choice: how C was found."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    linear: Linear
    choice: Choice

    def logits(self, features: Floats) -> NDArray[np.float64]:
        """[M, D] raw features -> [M, K]."""
        return self.linear.logits((features - self.mean) / self.scale)

    def raw(self) -> Linear:
        """The same function of the raw features: the standardisation folded into weight and bias."""
        weight = self.linear.weight / self.scale
        return Linear(weight, self.linear.bias - weight @ self.mean)


def choose_strength(
    features: Floats,
    labels: Ints,
    classes: int,
    *,
    grid: Sequence[float] = GRID,
    folds: int = 5,
    repeats: int = 2,
    seed: int = 0,
    untuned: float = UNTUNED,
) -> Choice:
    """C by repeated stratified cross-validation on the labels alone. features: [N, D], already scaled."""
    labels = np.asarray(labels, dtype=np.int64)
    count = possible_folds(labels, folds)
    if count == 0:
        return Choice(untuned, None, None)
    held = np.zeros((len(grid), repeats, len(labels), classes))
    for repeat in range(repeats):
        fold = stratified_folds(labels, count, seed + repeat)
        for k in range(count):
            out = fold == k
            linear = None
            for g, strength in enumerate(grid):  # each C starts where the one before ended
                linear = fit_logistic(features[~out], labels[~out], classes, strength=strength, start=linear)
                held[g, repeat, out] = linear.logits(features[out])
    right = (held.argmax(axis=3) == labels).mean(axis=(1, 2))
    loss = [np.mean([log_loss(one, labels) for one in held[g]]) for g in range(len(grid))]
    best = max(range(len(grid)), key=lambda g: (round(float(right[g]), 9), -loss[g]))
    return Choice(grid[best], held[best, 0], float(right[best]))


def fit_probe(
    features: Floats,
    labels: Ints,
    classes: int,
    *,
    pool: Floats | None = None,
    grid: Sequence[float] = GRID,
    folds: int = 5,
    seed: int = 0,
) -> Probe:
    """A probe on [N, D] features of the labels; `pool` [P, D], where given, sets mean and scale."""
    mean, scale = moments(features if pool is None else pool)
    scaled = (features - mean) / scale
    choice = choose_strength(scaled, labels, classes, grid=grid, folds=folds, seed=seed)
    return Probe(mean, scale, fit_logistic(scaled, labels, classes, strength=choice.strength), choice)


def moments(pool: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P, D] -> mean [D] and standard deviation [D]; 1 where a feature is constant."""
    mean, deviation = pool.mean(axis=0, dtype=np.float64), pool.std(axis=0, dtype=np.float64)
    return mean, np.where(deviation > 1e-8, deviation, 1.0)
