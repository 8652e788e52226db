"""Multinomial logistic regression with weights on the samples: a convex problem, solved to the bottom.

The loss is scikit-learn's: C * sum_i w_i CE(x_i W + b, y_i) + |W|^2 / 2, the bias free. Solved by L-BFGS in
float64 on the CPU, so that the result does not depend on the device. With more features than samples W lies
in the span of the samples, so the problem is solved there: the same minimum, at the size of the samples.
Letters: N samples, D features, K classes.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles, Ints

Floats = NDArray[np.floating]

SMALL = 1 << 20  # numbers


@dataclass(frozen=True)
class Linear:
    """weight: [K, D], bias: [K], float64. Classes without any label have weight 0 and the lowest bias."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, features: Floats) -> NDArray[np.float64]:
        """[N, D] -> [N, K]."""
        return np.asarray(features.astype(np.float64) @ self.weight.T + self.bias, dtype=np.float64)


def fit_logistic(
    features: Floats,
    labels: Ints,
    classes: int,
    *,
    strength: float,
    weights: Floats | None = None,
    iterations: int = 200,
    start: Linear | None = None,
) -> Linear:
    """The minimum of the loss above.

    Args:
        features: [N, D]; labels: [N] in 0..K-1; weights: [N] >= 0, all 1 where None.
        strength: C > 0, the weight of the labels against the penalty.
        iterations: L-BFGS steps at most; it stops sooner where the gradient vanishes.
        start: where to begin; only speed depends on it.

    Raises:
        ValueError: shapes do not fit, or a value is not finite.
    """
    points, labels = np.ascontiguousarray(features, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if points.ndim != 2 or len(points) != len(labels) or len(labels) == 0:
        raise ValueError(f"[N, D] and [N] with N >= 1 are needed, got {points.shape} and {np.shape(labels)}")
    if not np.isfinite(points).all():
        raise ValueError("finite features are needed; check the encoder for collapse or overflow")
    present = np.unique(labels)
    target = np.equal.outer(labels, present).astype(np.float64)  # [N, K present]
    weight = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    first = np.zeros((len(present), points.shape[1] + 1))
    if start is not None:
        first[:] = np.concatenate([start.weight, start.bias[:, None]], axis=1)[present]
    basis = None
    with _threads(points.size):
        if points.shape[1] > len(points):
            basis = np.linalg.qr(points.T)[0]  # [D, N]
            points = points @ basis
            first = np.concatenate([first[:, :-1] @ basis, first[:, -1:]], axis=1)
        found = _descend(points, target, weight, first, strength, iterations)
    slope, bias = found[:, :-1], found[:, -1]
    whole = Linear(
        np.zeros((classes, len(basis) if basis is not None else slope.shape[1])), np.zeros(classes)
    )
    whole.weight[present], whole.bias[present] = (
        slope if basis is None else slope @ basis.T,
        bias - bias.mean(),
    )
    absent = np.setdiff1d(np.arange(classes), present)  # never seen: never predicted
    whole.bias[absent] = whole.bias[present].min() - 20.0
    return whole


def _threads(size: int) -> AbstractContextManager[object]:
    """One thread where the matrices are small: there, threads wait for each other longer than they work."""
    one: AbstractContextManager[object] = _pools().limit(limits=1) if size < SMALL else nullcontext()
    return one


@cache
def _pools() -> Any:
    """The thread pools of this process, looked for once: it takes as long as a small fit."""
    import scipy.optimize  # noqa: F401  # here: see _descend; and before its pool is looked for
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _descend(
    x: Doubles, target: Doubles, weight: Doubles, first: Doubles, strength: float, iterations: int
) -> Doubles:
    """[K, D + 1]: weights and, in the last column, biases at the minimum."""
    from scipy.optimize import minimize  # here: the module must import where only torch and numpy are

    scale = 1.0 / (
        strength * weight.sum() + 1.0
    )  # a loss near 1, so that the tolerances mean the same for any N
    share = (scale * strength * weight)[:, None]

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        slope, bias = flat.reshape(first.shape)[:, :-1], flat.reshape(first.shape)[:, -1]
        scores = x @ slope.T + bias
        scores -= scores.max(axis=1, keepdims=True)
        power = np.exp(scores)
        total = power.sum(axis=1, keepdims=True)
        value = (share * target * (np.log(total) - scores)).sum() + scale * (slope**2).sum() / 2
        wrong = share * (power / total - target)
        gradient = np.concatenate([wrong.T @ x + scale * slope, wrong.sum(axis=0)[:, None]], axis=1)
        return float(value), gradient.ravel()

    found = minimize(
        loss,
        first.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxcor": 20, "gtol": 1e-7, "ftol": 1e-13},
    )
    return np.asarray(found.x.reshape(first.shape), dtype=np.float64)
