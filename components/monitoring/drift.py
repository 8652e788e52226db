"""Drift: whether new features come from another distribution than old ones, by maximum mean discrepancy.

Source: Gretton et al., A Kernel Two-Sample Test (JMLR 2012): the unbiased statistic, a Gaussian kernel as wide
as the median distance. The p-value is that of a permutation test, so its level is exact at any sample size,
not only in the limit; the width is computed from both samples together, which no permutation changes.
Letters: M and N samples, D features, P permutations.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32] | NDArray[np.float64]


def mmd_test(x: Floats, y: Floats, *, permutations: int, seed: int) -> tuple[float, float]:
    """The unbiased estimate of MMD^2 between x [M, D] and y [N, D], M, N >= 2, and its p-value.

    Under equal distributions P(p <= a) <= a for every a, with equality where a (P + 1) is whole and no two
    permutations tie. The smallest p is 1 / (P + 1). Costs O((M + N)^2 (D + P)) time, O((M + N)^2) memory.
    The estimate for x = [a, a] and y = [b, b] is 2 - 2 exp(-1/2), however far a and b are apart.
    """
    m, n = len(x), len(y)
    if m < 2 or n < 2:
        raise ValueError(f"two samples of at least 2 rows each are needed, got {m} and {n}")
    kernel = _kernel(np.concatenate([x, y]).astype(np.float64))
    rng = np.random.default_rng(seed)
    chosen = np.zeros(
        (permutations + 1, m + n), dtype=np.float32
    )  # rows: who counts as x; the first, as given
    chosen[0, :m] = 1
    for row in range(1, permutations + 1):
        chosen[row, rng.permutation(m + n)[:m]] = 1
    sums = kernel.sum(axis=1, dtype=np.float64)
    xx = np.einsum("pi,pi->p", chosen @ kernel, chosen, dtype=np.float64)
    xy = chosen @ sums - xx
    yy = sums.sum() - 2 * xy - xx
    estimates = xx / (m * (m - 1)) + yy / (n * (n - 1)) - 2 * xy / (m * n)
    ties = 1e-6 / min(m, n)  # of float32 sums: what is as large but for rounding counts as large
    larger = int(np.count_nonzero(estimates[1:] >= estimates[0] - ties))
    return float(estimates[0]), (1 + larger) / (1 + permutations)


def drifted(p_values: Sequence[float], level: float, needed: int, windows: int) -> bool:
    """Whether at least `needed` of the last `windows` p-values, oldest first, and the newest are at most
    `level`: one odd delivery is not enough.

    Without drift, and with tests that are independent of each other, this is so with probability
    level * P(Binomial(windows - 1, level) >= needed - 1), see error_rate: 0.0002 for level 0.01, needed 2,
    windows 3. With fewer p-values than `windows` it is rarer still.
    """
    last = [p <= level for p in p_values[-windows:]]
    return bool(last) and last[-1] and sum(last) >= needed


def error_rate(level: float, needed: int, windows: int) -> float:
    """How often drifted() says so where nothing has drifted.

    error_rate(0.01, 2, 3) = 0.01 * (1 - 0.99^2) = 0.000199.
    """
    others = windows - 1
    return level * sum(
        math.comb(others, k) * level**k * (1 - level) ** (others - k)
        for k in range(max(0, needed - 1), windows)
    )


def _kernel(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """[M + N, M + N], zero on the diagonal."""
    points = points - points.mean(axis=0)  # the differences below lose fewer digits
    norms = np.einsum("id,id->i", points, points)
    squares = np.maximum(norms[:, None] + norms[None, :] - 2 * points @ points.T, 0)
    np.fill_diagonal(squares, 0)
    above = squares[np.triu_indices(len(points), 1)]
    width = np.median(above) or above.mean() or 1.0  # more than half of all the same: their mean distance
    kernel: NDArray[np.float32] = np.exp(-squares / (2 * width)).astype(np.float32)
    np.fill_diagonal(kernel, 0)
    return kernel
