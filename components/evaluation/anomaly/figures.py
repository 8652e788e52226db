"""Figures of a ranking of anomalies: average precision, and what a budget of alarms finds.

Both are expectations over the order of equal scores, so that a detector that gives one score to many samples is neither
lucky nor unlucky.
Letters: N samples.
"""

import numpy as np
from numpy.typing import NDArray

from components.arrays import Bools, Doubles
from components.errors import UserError


def average_precision(scores: Doubles, anomaly: Bools) -> float:
    """Mean over the anomalies of the precision at their place, as in scikit-learn: equal scores are one step.

    scores: [N], higher is more anomalous. anomaly: [N]. Of four samples, the first and the third of them an anomaly:
    (1 + 2/3) / 2. The share of anomalies for a constant score.

    Raises:
        UserError: lengths differ, or there is no anomaly.
    """
    scores, anomaly = _checked(scores, anomaly)
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # the end of each run of equal scores
    hits = np.cumsum(anomaly[order])[last]
    precision = hits / (last + 1)
    return float((np.diff(np.concatenate([[0], hits])) * precision).sum() / anomaly.sum())


def recall_at(scores: Doubles, anomaly: Bools, alarms: int) -> float:
    """Share of the anomalies among the `alarms` samples of the highest scores.

    Raises:
        UserError: lengths differ, there is no anomaly, or fewer than one alarm.
    """
    return _found(scores, anomaly, alarms) / float(np.sum(anomaly))


def precision_at(scores: Doubles, anomaly: Bools, alarms: int) -> float:
    """Share of anomalies among the `alarms` samples of the highest scores (all N where there are fewer).

    Raises:
        UserError: as recall_at.
    """
    return _found(scores, anomaly, alarms) / min(alarms, len(scores))


def among_alarms(scores: Doubles, alarms: int) -> Doubles:
    """[N] how probably each sample is one of the `alarms` with the highest scores. Scores 3, 1, 1, 0 and two alarms:
    1, .5, .5, 0.

    Raises:
        UserError: fewer than one alarm.
    """
    if alarms < 1:
        raise UserError("value-out-of-range", f"a budget of one alarm or more is required, got {alarms}")
    if alarms >= len(scores):
        return np.ones(len(scores))
    least = np.partition(scores, len(scores) - alarms)[len(scores) - alarms]
    above, equal = scores > least, scores == least
    return np.asarray(above + equal * ((alarms - above.sum()) / equal.sum()))


def _found(scores: Doubles, anomaly: Bools, alarms: int) -> float:
    scores, anomaly = _checked(scores, anomaly)
    return float(among_alarms(scores, alarms)[anomaly].sum())


def _checked(scores: Doubles, anomaly: Bools) -> tuple[Doubles, NDArray[np.bool_]]:
    scores, anomaly = np.asarray(scores, dtype=np.float64), np.asarray(anomaly, dtype=bool)
    if scores.shape != anomaly.shape or scores.ndim != 1:
        raise UserError(
            "lengths-differ",
            f"one score and one label for each sample are required, got {scores.shape} and {anomaly.shape}",
        )
    if np.isnan(scores).any():
        raise UserError(
            "values-not-finite", "scores that are numbers are required, got NaN; look at the detector"
        )
    if not anomaly.any():
        raise UserError(
            "labels-too-few",
            "one anomaly or more is required among the labelled samples; label some, or leave the figure out",
        )
    return scores, anomaly
