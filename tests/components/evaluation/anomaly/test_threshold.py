"""The rate of false alarms is kept on further normal samples."""

import math

import numpy as np
import pytest

from components.evaluation.anomaly.threshold import alarm_threshold, false_alarms


def test_by_hand():
    assert alarm_threshold(np.arange(1.0, 100.0), 0.01) == 99
    assert alarm_threshold(np.arange(1.0, 99.0), 0.01) == math.inf
    assert alarm_threshold(np.arange(1.0, 100.0), 0.1) == 90


@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_the_rate_is_kept(rate):
    random, found = np.random.default_rng(0), []
    for _ in range(300):
        held, new = random.exponential(size=400), random.exponential(size=400)
        found.append(false_alarms(new, np.zeros(400, bool), alarm_threshold(held, rate)))
    assert rate - 0.004 < np.mean(found) < rate + 0.002


def test_false_alarms_are_of_normal_samples():
    scores, anomaly = np.array([1.0, 2, 3, 4]), np.array([False, False, True, False])
    assert false_alarms(scores, anomaly, 2.5) == pytest.approx(1 / 3)
    assert math.isnan(false_alarms(scores, np.ones(4, bool), 2.5))
