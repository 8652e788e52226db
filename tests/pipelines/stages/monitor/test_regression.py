"""How predicted numbers are watched: ranges of equal share, their mean, a histogram that loses nobody."""

import numpy as np

from components.monitoring.mix import psi
from pipelines.stages.monitor.drift import BINS
from pipelines.stages.monitor.regression import Watch

OLD = np.random.default_rng(0).normal(50, 10, 1000).astype(np.float32)


def test_old_predictions_fall_into_ten_ranges_of_equal_share() -> None:
    watch = Watch({}, OLD)
    assert watch.counts(OLD) == [100] * 10
    assert len(watch.names) == 10
    assert watch.names[0].startswith("below ")
    assert watch.names[-1].endswith(" and above")
    assert watch.level(OLD) == np.float32(OLD.mean())
    assert (watch.words.low, watch.words.high) == (OLD.min(), OLD.max())


def test_nobody_is_lost_and_a_shift_shows() -> None:
    watch, shifted = Watch({}, OLD), OLD + 30
    assert sum(watch.counts(shifted)) == sum(watch.histogram(shifted)) == 1000
    assert len(watch.histogram(OLD)) == BINS
    assert watch.histogram(shifted)[-1] > 300  # beyond the range of old ones: at its end
    assert psi(watch.counts(OLD), watch.counts(shifted)) > 1
    assert psi(watch.counts(OLD), watch.counts(OLD)) == 0


def test_equal_predictions_are_no_trouble() -> None:
    watch = Watch({}, np.full(30, 2.0, np.float32))
    assert sum(watch.counts(np.full(30, 2.0))) == sum(watch.histogram(np.full(30, 2.0))) == 30
    assert len(watch.names) == len(watch.counts(np.ones(3)))
