"""How scores are watched: ranges that lose nobody."""

import numpy as np

from components.monitoring.mix import psi
from pipelines.stages.monitor.anomaly import Watch

OLD = ((np.arange(1000) + 0.5) / 1000).astype(np.float32)


def test_ranges_by_hand() -> None:
    watch = Watch({}, OLD)
    assert watch.names == ["up to 0.5", "0.5 to 0.9", "0.9 to 0.99", "above 0.99"]
    assert watch.counts(OLD) == [500, 400, 90, 10]
    assert watch.counts(np.array([0.5, 0.985, 0.995], np.float32)) == [1, 0, 1, 1]
    assert sum(watch.histogram(OLD)) == 1000
    assert watch.histogram(OLD) == [50] * 20
    assert abs(watch.level(OLD) - 0.5) < 1e-3


def test_a_shift_shows() -> None:
    watch = Watch({}, OLD)
    assert psi(watch.counts(OLD), watch.counts(np.sqrt(OLD))) > 0.1
    assert psi(watch.counts(OLD), watch.counts(OLD)) == 0
