"""What further labels are expected to bring: the curve of accuracy against the number of labels, extrapolated.

The error is taken as a power of the number of labels, error = a * n^b, the usual form of learning curves (Hestness et
al. 2017, arXiv:1712.00409): a line in logarithms, by least squares, with the interval of its mean (Student's t). The
interval is about the fit of the line; the test samples are the same at every size and their noise is not in it.
Letters: S sizes, n labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 3  # sizes, below which a line fits whatever there is
# Quantile .975 of Student's t with 1, 2, ... degrees of freedom; with more the last one, which is too large.
T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306)


@dataclass(frozen=True)
class Expected:
    """Accuracy with `labels` labels, and now by the same line; low, high: 95 % interval of `accuracy`."""

    labels: int
    now: float
    accuracy: float
    low: float
    high: float


def expected(sizes: Sequence[int], accuracy: Sequence[float], more: int) -> Expected | None:
    """The accuracy with `more` labels beyond the largest size; None where there are fewer than three sizes, or no error
    at one of them.

    Args:
        sizes: [S] numbers of labels, ascending. accuracy: [S] with so many.

    Sizes 10, 100, 1000 with errors .4, .2, .1: with 10,000 labels .05, and no doubt of it.
    """
    if len(sizes) < LEAST or max(accuracy) >= 1:
        return None
    x = np.log(np.asarray(sizes, dtype=np.float64))
    y = np.log(
        np.maximum(1 - np.asarray(accuracy, dtype=np.float64), 1e-3)
    )  # an error of 0 is one of few samples
    centre, spread = x.mean(), ((x - x.mean()) ** 2).sum()
    slope = ((x - centre) * y).sum() / spread
    line = y.mean() + slope * (x - centre)
    free = len(sizes) - 2
    variance = ((y - line) ** 2).sum() / free
    asked = float(np.log(sizes[-1] + more))
    mean = y.mean() + slope * (asked - centre)
    reach = T[min(free, len(T)) - 1] * np.sqrt(variance * (1 / len(sizes) + (asked - centre) ** 2 / spread))
    value, low, high = (1 - float(np.exp(min(log, 0.0))) for log in (mean, mean + reach, mean - reach))
    return Expected(sizes[-1] + more, 1 - float(np.exp(min(line[-1], 0.0))), value, low, high)
