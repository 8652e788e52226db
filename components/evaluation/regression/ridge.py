"""Ridge regression, its strength chosen by leaving one label out at a time, which has a closed form.

Source: Hoerl & Kennard 1970; the leave-one-out residual r_i / (1 - h_i) is that of Allen 1974 (PRESS).
Letters: n labels, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.arrays import Doubles, Floats

STRENGTHS = tuple(float(strength) for strength in np.logspace(-2, 5, 29))
SMALLEST = 0.05  # deviation of a feature below which it is not scaled up: a rare category, say


@dataclass(frozen=True)
class Ridge:
    """weight [D], bias: of raw features. strength: the chosen one. held: [n] each label as predicted without it."""

    weight: Doubles
    bias: float
    strength: float
    held: Doubles

    def predict(self, features: Floats) -> Doubles:
        """[M, D] -> [M]."""
        return np.asarray(features.astype(np.float64) @ self.weight + self.bias, dtype=np.float64)


def fit_ridge(
    features: Floats, targets: Doubles, *, pool: Floats | None = None, strengths: Sequence[float] = STRENGTHS
) -> Ridge:
    """Minimises sum (y - w x - b)^2 + strength |w|^2, the better of two scalings of the features: as they are, and by
    their deviation.

    Args:
        features: [n, D] of the labels. targets: [n]. pool: [P, D] samples by which features are scaled; those of the
            labels where None.

    x = (-1, 1), y = (-2, 2) without strength: w = 2, b = 0.

    Raises:
        ValueError: fewer than two labels.
    """
    if len(targets) < 2:
        raise ValueError(f"two labels at least are needed, got {len(targets)}")
    x = np.asarray(features, dtype=np.float64)
    seen = x if pool is None else np.asarray(pool, dtype=np.float64)
    scales = (np.ones(x.shape[1]), np.maximum(seen.std(axis=0), SMALLEST))
    return min(
        (_at_best(x, targets, seen.mean(axis=0), scale, strengths) for scale in scales),
        key=lambda found: float(((found.held - targets) ** 2).mean()),
    )


def _at_best(
    features: Doubles, targets: Doubles, shift: Doubles, scale: Doubles, strengths: Sequence[float]
) -> Ridge:
    x = (features - shift) / scale
    middle, mean = x.mean(axis=0), float(targets.mean())
    u, s, v = np.linalg.svd(x - middle, full_matrices=False)
    along = u.T @ (targets - mean)
    best: tuple[float, float, Doubles] | None = None
    for strength in strengths:
        shrunk = s**2 / (s**2 + strength)
        fitted = u @ (shrunk * along) + mean
        leverage = (u**2) @ shrunk + 1 / len(targets)
        held = targets - (targets - fitted) / np.maximum(1 - leverage, 1e-9)
        error = float(((held - targets) ** 2).mean())
        if best is None or error < best[0]:
            best = error, strength, held
    assert best is not None
    _, strength, held = best
    weight = v.T @ (s / (s**2 + strength) * along) / scale
    return Ridge(weight, mean - float(weight @ (middle * scale + shift)), strength, held)
