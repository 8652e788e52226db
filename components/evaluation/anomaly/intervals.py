"""How sure figures of rankings are: percentile intervals over resamples of the test samples, the same for all rankings.

With few anomalies resamples say too little: a ranking without a fault has [1, 1], of whatever number. Then the interval
also has to hold that of a share of so many trials, in the form of Wilson (1927, doi:10.1080/01621459.1927.10502953),
which does not shrink to a point at 1; that average precision be taken for a share of the anomalies is the binomial
interval of Boyd, Eng & Page (ECML PKDD 2013). Differences are paired, and stay as they are.
Letters: M test samples, R resamples.
"""

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np

from components.arrays import Bools, Doubles, Ints
from components.errors import UserError
from components.evaluation.anomaly.figures import average_precision
from components.evaluation.classification.bootstrap import Interval

FEW = 50  # anomalies below which resamples alone do not do


def precision_intervals(
    scores: Mapping[str, Doubles],
    anomaly: Bools,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """Average precision of each ranking, and that of "model" less that of each of the others, paired.

    Anomalies and the others are resampled apart, so that none of the resamples lacks them.

    Args:
        scores: name -> [M]. anomaly: [M].

    Raises:
        UserError: as average_precision.
    """
    value = {name: average_precision(found, anomaly) for name, found in scores.items()}
    drawn = {name: np.empty(resamples) for name in scores}
    places = {name: _steps(found) for name, found in scores.items()}
    random, (odd, rest) = np.random.default_rng(seed), (np.flatnonzero(anomaly), np.flatnonzero(~anomaly))
    if len(rest) == 0:
        raise UserError(
            "labels-too-few",
            "samples that are no anomalies are required among those labelled, got none; label some",
        )
    for turn in range(resamples):
        times = np.zeros(len(anomaly))
        for group in (odd, rest):
            times += np.bincount(group[random.integers(0, len(group), len(group))], minlength=len(anomaly))
        for name, (order, last) in places.items():
            drawn[name][turn] = weighted_precision(times[order], anomaly[order], last)
    sides = (1 - level) / 2, (1 + level) / 2

    def interval(figure: float, found: Doubles) -> Interval:
        low, high = np.quantile(found, sides)
        return Interval(figure, float(low), float(high))

    of = {name: interval(value[name], drawn[name]) for name in scores}
    if len(odd) < FEW:
        of = {name: _wider(one, len(odd), level) for name, one in of.items()}
    over = {
        name: interval(value["model"] - value[name], drawn["model"] - drawn[name])
        for name in scores
        if name != "model"
    }
    return of, over


def _wider(given: Interval, trials: int, level: float) -> Interval:
    low, high = wilson(given.value, trials, level)
    return Interval(given.value, min(given.low, low), max(given.high, high))


def wilson(share: float, trials: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of a share of so many trials. wilson(1, 7): .646 to 1."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def weighted_precision(times: Doubles, anomaly: Bools, last: Ints) -> float:
    """Average precision of samples in falling order of score, each of which counts `times` [M].

    last: [S] position of the last sample of each run of equal scores. With times 1: average_precision.
    """
    hits, seen = np.cumsum(times * anomaly)[last], np.cumsum(times)[last]
    gained = np.diff(np.concatenate([[0.0], hits]))
    return float((gained * hits / np.maximum(seen, 1)).sum() / hits[-1])


def _steps(scores: Doubles) -> tuple[Ints, Ints]:
    order = np.argsort(-scores, kind="stable")
    return order, np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
