"""Popularity of the first item, by hand."""

import numpy as np
import pytest

from pipelines.stages.monitor.ranking import Watch


def test_counts_level_and_histogram():
    p = np.array([0.1, 0.5, 0.7, 0.95, 1.0], np.float32)
    watch = Watch({}, p)
    assert watch.names == ["up to 0.5", "0.5 to 0.9", "0.9 to 0.99", "above 0.99"]
    assert watch.counts(p) == [2, 1, 1, 1]
    assert watch.level(p) == pytest.approx(0.65)
    assert sum(watch.histogram(p)) == 5
