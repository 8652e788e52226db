"""Figures of predicted numbers on M test samples, with their intervals by resampling the samples.

Source: Efron 1979, percentile bootstrap; two models are read on the same resample, so that what is hard for both
cancels.
Letters: M test samples, R resamples.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from pydantic import Field

from components.arrays import Doubles, Ints
from components.config import Config

PART = 256  # resamples at a time: the memory stays bounded


class Spread(Config):
    """value on the test samples; low, high: 95 % percentile interval over resamples of them."""

    value: float
    low: float
    high: float


def r2(truth: Doubles, predicted: Doubles) -> Doubles:
    """[..., M], [..., M] -> [...] 1 less the squared error relative to that of the mean of the truth; 1 is perfect, 0
    the mean. Where the truth does not vary: 1 if there is no error, else minus infinity.

    (1, 2, 3) predicted as (1, 2, 4): 1 - 1 / 2 = .5.
    """
    error = ((truth - predicted) ** 2).sum(axis=-1)
    around = ((truth - truth.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(around > 0, 1 - error / around, np.where(error > 0, -np.inf, 1.0))
    return np.asarray(found, dtype=np.float64)


def mae(truth: Doubles, predicted: Doubles) -> Doubles:
    """[..., M], [..., M] -> [...] mean absolute error."""
    return np.asarray(np.abs(truth - predicted).mean(axis=-1), dtype=np.float64)


def rmse(truth: Doubles, predicted: Doubles) -> Doubles:
    """[..., M], [..., M] -> [...] root of the mean squared error."""
    return np.asarray(np.sqrt(((truth - predicted) ** 2).mean(axis=-1)), dtype=np.float64)


METRICS: Mapping[str, Callable[[Doubles, Doubles], Doubles]] = {"r2": r2, "mae": mae, "rmse": rmse}


def measured(
    truth: Doubles, predicted: Doubles, *, resamples: int, seed: int = 0, level: float = 0.95
) -> dict[str, Spread]:
    """Each of METRICS with its interval. truth, predicted: [M]."""
    drawn = dict[str, list[Doubles]]()
    for rows in _draws(len(truth), resamples, seed):
        for name, metric in METRICS.items():
            drawn.setdefault(name, []).append(metric(truth[rows], predicted[rows]))
    return {
        name: _spread(float(metric(truth, predicted)), np.concatenate(drawn[name]), level)
        for name, metric in METRICS.items()
    }


def difference(
    truth: Doubles, first: Doubles, second: Doubles, *, resamples: int, seed: int = 0, level: float = 0.95
) -> Spread:
    """R² of the first less that of the second, on the same samples [M]; above 0 the first is better."""
    drawn = [
        r2(truth[rows], first[rows]) - r2(truth[rows], second[rows])
        for rows in _draws(len(truth), resamples, seed)
    ]
    value = float(r2(truth, first) - r2(truth, second))
    return _spread(value, np.concatenate(drawn), level)


class SizeBin(Config):
    """Samples of a range of true numbers: how many, from where to where, mean of predicted less true, mean absolute
    error, share inside of their interval."""

    low: float
    high: float
    count: int = Field(ge=1)
    bias: float
    mae: float
    coverage: float | None = None


def by_size(truth: Doubles, predicted: Doubles, width: float | None, bins: int = 5) -> list[SizeBin]:
    """Residuals by the size of the true number, in about equally many samples each, the smallest first."""
    order = np.argsort(truth, kind="stable")
    found = []
    for rows in np.array_split(order, min(bins, len(order))):
        error = predicted[rows] - truth[rows]
        found.append(
            SizeBin(
                low=float(truth[rows].min()),
                high=float(truth[rows].max()),
                count=len(rows),
                bias=float(error.mean()),
                mae=float(np.abs(error).mean()),
                coverage=None if width is None else float((np.abs(error) <= width).mean()),
            )
        )
    return found


def _draws(count: int, resamples: int, seed: int) -> Iterator[Ints]:
    """Rows [<= PART, M] of each resample, the same for the same count, resamples and seed.

    Raises:
        ValueError: no sample or no resample.
    """
    if count < 1 or resamples < 1:
        raise ValueError(f"a sample and a resample at least are needed, got {count} and {resamples}")
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, PART):
        yield rng.integers(0, count, (min(PART, resamples - start), count))


def _spread(value: float, drawn: Doubles, level: float) -> Spread:
    finite = drawn[np.isfinite(drawn)]
    if not len(finite) or not np.isfinite(value):
        raise ValueError("the true numbers of the samples do not vary, so R² is not defined")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Spread(value=value, low=float(low), high=float(high))
