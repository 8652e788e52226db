"""Has the mix of answers changed? How far (population stability index) and whether by chance (chi-square).

Counts are of the same K classes or bins, of what is compared with (reference) and of what came (current).
psi([50, 50], [50, 50]) = 0; a change from halves to (0.6, 0.4) is 0.0405. Usual reading (Siddiqi 2006): below 0.1
nothing, 0.1 to 0.25 look, above 0.25 act; it has no error rate, which is why the test stands beside it.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from components.errors import UserError

Counts = Sequence[int]


def psi(reference: Counts, current: Counts, smoothing: float = 0.5) -> float:
    """Sum of (q - p) ln(q / p) over classes; shares p, q of counts with `smoothing` added to each (0: none).

    Raises:
        UserError: counts differ in length, are negative, or one side has none.
    """
    p, q = _checked(reference, current) + smoothing
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def chi_square(reference: Counts, current: Counts) -> tuple[float, float]:
    """(statistic, p) of Pearson's test that both are drawn from one mix; (0, 1) where only one class occurs.

    p is the chance of a change at least as large with the mix unchanged; it is approximate below about five
    expected of a class.

    Raises:
        UserError: see psi.
    """
    table = _checked(reference, current)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, float(stats.chi2.sf(statistic, table.shape[1] - 1))


def _checked(reference: Counts, current: Counts) -> np.ndarray:
    """[2, K] float64."""
    if len(reference) != len(current):
        raise UserError(
            "lengths-differ",
            f"counts of the same classes are needed, got {len(reference)} and {len(current)}",
        )
    table = np.array([reference, current], dtype=np.float64)
    if (table < 0).any() or not (table.sum(axis=1) > 0).all():
        raise UserError(
            "array-invalid",
            f"counts from 0, not all 0, are needed, got {list(reference)} and {list(current)}",
        )
    return table
