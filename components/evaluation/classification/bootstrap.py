"""How sure is a figure measured on N test samples? Percentile intervals by resampling the samples; of a share alone in
closed form.

Source: Efron 1979; paired: both models are read on the same resample, so that what is hard for both cancels.
Letters: N samples, R resamples, K classes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from components.evaluation.classification.metrics import macro_f1

Values = NDArray[np.generic]


@dataclass(frozen=True)
class Interval:
    """value: the figure on the samples as they are. low, high: bounds of the percentile interval."""

    value: float
    low: float
    high: float


def mean_interval(values: Values, *, resamples: int = 2000, level: float = 0.95, seed: int = 0) -> Interval:
    """Interval of the mean of [N] values (right or wrong as 1 or 0 gives accuracy).

    Raises:
        ValueError: nothing came, resamples < 1, or level outside (0, 1).
    """
    data = np.asarray(values, dtype=np.float64)
    _check(len(data), resamples, level)
    rng = np.random.default_rng(seed)
    distinct, counts = np.unique(data, return_counts=True)
    if len(distinct) <= 64:  # a resample of few distinct values is one multinomial draw: N times cheaper
        means = rng.multinomial(len(data), counts / len(data), size=resamples) @ distinct / len(data)
    else:
        means = np.array([data[rng.integers(0, len(data), len(data))].mean() for _ in range(resamples)])
    return _percentile(float(data.mean()), means, level)


def share_interval(count: int, samples: int, *, level: float = 0.95) -> Interval:
    """Interval of a share, `count` of `samples`: resampling would say of 10 of 10 that it is surely all.

    Source: Wilson 1927, the score interval.

    Raises:
        ValueError: no samples, or level outside (0, 1).
    """
    _check(samples, 1, level)
    z, value = NormalDist().inv_cdf((1 + level) / 2), count / samples
    centre = (value + z**2 / (2 * samples)) / (1 + z**2 / samples)
    half = z * math.sqrt(value * (1 - value) / samples + z**2 / (4 * samples**2)) / (1 + z**2 / samples)
    return Interval(value, min(value, centre - half), max(value, centre + half))


def paired_difference(
    first: Values, second: Values, *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Interval of mean(first - second) over the same [N] samples; an interval above 0 says that first is
    better."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"both models must be read on the same samples, got {a.shape} and {b.shape}")
    return mean_interval(a - b, resamples=resamples, level=level, seed=seed)


def macro_f1_interval(
    counts: NDArray[np.int64], *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Interval of macro-F1 from [K, K] confusion counts."""
    return table_interval(macro_f1, counts, resamples=resamples, level=level, seed=seed)


def table_interval(
    figure: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    counts: NDArray[np.int64],
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of a figure of a table of counts [K, K]: resampling samples redraws its cells.

    figure: [..., K, K] -> [...].
    """
    total = int(counts.sum())
    _check(total, resamples, level)
    drawn = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, size=resamples)
    return _percentile(float(figure(counts)), figure(drawn.reshape(resamples, *counts.shape)), level)


def _percentile(value: float, drawn: NDArray[np.float64], level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _check(samples: int, resamples: int, level: float) -> None:
    if samples < 1 or resamples < 1 or not 0 < level < 1:
        raise ValueError(
            f"samples, resamples >= 1 and a level in (0, 1) are needed, got {samples}, {resamples}, {level}"
        )
