"""The number of k: how many nearest labels are averaged, chosen by leaving one label out at a time.

Letters: n labels, M samples in question, D features.
"""

from collections.abc import Sequence

import numpy as np

from components.arrays import Doubles, Floats

NEIGHBOURS = (1, 3, 5, 10, 20, 50)


def squared_distances(first: Floats, second: Floats) -> Doubles:
    """[M, D], [n, D] -> [M, n] squared Euclidean distances."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    found = (a**2).sum(axis=1)[:, None] - 2 * a @ b.T + (b**2).sum(axis=1)
    return np.asarray(np.maximum(found, 0.0))


def choose_k(features: Floats, targets: Doubles, grid: Sequence[int] = NEIGHBOURS) -> tuple[int, Doubles]:
    """The k with the smallest squared error, and [n] each label as the mean of its k nearest others; of equals the
    smaller k.

    Raises:
        ValueError: fewer than two labels.
    """
    if len(targets) < 2:
        raise ValueError(f"two labels at least are needed, got {len(targets)}")
    apart = squared_distances(features, features)
    np.fill_diagonal(apart, np.inf)
    near = targets[np.argsort(apart, axis=1, kind="stable")[:, :-1]]
    tried = [k for k in grid if k < len(targets)] or [1]
    means = {k: near[:, :k].mean(axis=1) for k in tried}
    best = min(tried, key=lambda k: float(((means[k] - targets) ** 2).mean()))
    return best, means[best]


def nearest_mean(bank: Floats, targets: Doubles, asked: Floats, k: int) -> Doubles:
    """[M] mean of the numbers of the k labels that are nearest to each sample asked [M, D]."""
    order = np.argsort(squared_distances(asked, bank), axis=1, kind="stable")[:, :k]
    return np.asarray(targets[order].mean(axis=1), dtype=np.float64)
