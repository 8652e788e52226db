"""Training noise: by how much the accuracy moves when the same training is repeated with other random numbers.

An interval over test samples holds for the two networks that were compared. A statement on two ways of training also
depends on which of their possible networks was drawn: a training with the same labels and another seed ends at
another accuracy.

TYPICAL: from the runs in benchmarks/few_labels.json with 10 to 400 labels and at least three seeds: standard deviation
over seeds of the difference between two trainings on the same labels, without the part that the test samples explain,
divided by sqrt(2) for one training and multiplied by sqrt(labels). FixMatch from the pretrained encoder against the
labels alone from scratch: 0 to .29, median .12 of nine. 87 methods against the labels alone from the same start:
quartiles .02 and .13; medians .20, .06, .05, .10 with 10, 40, 100, 400 labels. The same for model and scratch in
docs/quality-swav.md: .11; for two trainings of one recipe in docs/retrain.md: .02 (both with what the test samples
explain).

The folds of a cross-fitting are trainings of one kind, but each is measured on other labels, and the variance of a
fold's accuracy that its own few labels explain, F a (1 - a) / n, is many times TYPICAL ** 2 / n whatever n is (56
times with 3 folds and an accuracy of .75). So folds cannot lower the estimate; they raise it where they differ by more
than chance explains, as when one of the trainings has diverged.

Sources: DerSimonian & Laird 1986 for the variance between folds, and their Q test whether there is one; Wilson &
Hilferty 1931 for the quantile of chi-squared.
Letters: n labels, F folds.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from components.evaluation.classification.bootstrap import Interval

TYPICAL = 0.1  # standard deviation of the accuracy times sqrt(labels)
DOUBT = 0.05  # level of the test whether folds differ


def deviation(
    labels: int, right: NDArray[np.bool_] | None = None, fold: NDArray[np.int64] | None = None
) -> float:
    """Standard deviation of the accuracy between trainings of one kind on these labels; 100 labels: .01.

    Args:
        labels: number of labels that are learnt from, at least 1. right, fold: [h] whether each held-out label was
            predicted right, and by the training of which fold; None where nothing was held out.
    """
    typical = TYPICAL / math.sqrt(max(labels, 1))
    if right is None or fold is None:
        return typical
    return max(typical, math.sqrt(variance_between(right, fold)))


def variance_between(right: NDArray[np.bool_], fold: NDArray[np.int64]) -> float:
    """Variance of the accuracy between folds beyond that of their samples; 0 where chance explains it all."""
    counts = np.bincount(fold)
    hits = np.bincount(fold, weights=right)
    hits, counts = hits[counts > 0], counts[counts > 0]
    mean = hits.sum() / max(counts.sum(), 1)
    if len(counts) < 2 or not 0 < mean < 1:
        return 0.0
    spread = mean * (1 - mean)
    statistic = float((counts * (hits / counts - mean) ** 2).sum() / spread)
    free = len(counts) - 1
    if statistic <= chi_squared(1 - DOUBT, free):
        return 0.0
    return float((statistic - free) * spread / (counts.sum() - (counts**2).sum() / counts.sum()))


def chi_squared(level: float, free: int) -> float:
    """Quantile of chi-squared with `free` degrees of freedom, within 3 %; .95 and 2: 5.94 (exactly 5.99)."""
    part = 2 / (9 * free)
    return float(free * (1 - part + NormalDist().inv_cdf(level) * math.sqrt(part)) ** 3)


def widened(interval: Interval, deviation: float, *, level: float = 0.95) -> Interval:
    """The interval over test samples and training noise: both half-widths added in quadrature to the noise's own.

    Args:
        interval: over test samples, of this level. deviation: standard deviation of the compared figure between
            trainings.
    """
    reach = NormalDist().inv_cdf((1 + level) / 2) * deviation
    low = interval.value - math.hypot(interval.value - interval.low, reach)
    high = interval.value + math.hypot(interval.high - interval.value, reach)
    return Interval(interval.value, low, high)
