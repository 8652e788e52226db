"""The score from which a sample is an alarm, from a rate of false alarms and never from a guessed share of anomalies.

Source: split conformal prediction (Vovk et al. 2005), as for outliers in components.evaluation.classification.outliers:
of n normal samples that the detector was not fitted on, the score that at most a share `rate` of further ones exceeds.
Letters: n held-out samples.
"""

import numpy as np

from components.arrays import Bools, Doubles
from components.evaluation.classification.conformal import bound


def alarm_threshold(held: Doubles, rate: float) -> float:
    """The score above which is an alarm; of normal samples like `held` [n] a share of at most `rate` are false alarms.
    Infinity where n < 1 / rate - 1: too few to promise that rate.

    Where `held` is unlabelled its anomalies count as normal: the threshold is then too high rather than too low.
    Scores 1 .. 99 at rate .01: 99.
    """
    return bound(np.asarray(held, dtype=np.float64), rate)


def false_alarms(scores: Doubles, anomaly: Bools, threshold: float) -> float:
    """Share of the normal samples above the threshold; NaN where all are anomalies."""
    normal = np.asarray(scores)[~np.asarray(anomaly, dtype=bool)]
    return float((normal > threshold).mean()) if len(normal) else float("nan")
