"""How masks are watched: the largest class of each image, and how much is no background."""

import numpy as np
import pytest

from components.monitoring.mix import psi
from pipelines.stages.monitor.segmentation import Watch

DESCRIBED = {"classes": ["ground", "a", "b"]}
SHARES = np.array([[1, 0, 0], [0.9, 0.1, 0], [0.5, 0.1, 0.4], [0, 0.5, 0.5]], np.float32)


def test_counts_by_hand() -> None:
    watch = Watch(DESCRIBED, SHARES)
    assert watch.names == ["nothing", "a", "b"]
    assert watch.counts(SHARES) == [1, 2, 1]
    assert watch.level(SHARES) == pytest.approx(0.4)
    histogram = watch.histogram(SHARES)
    assert sum(histogram) == 4
    assert (histogram[0], histogram[10], histogram[-1]) == (1, 1, 1)


def test_a_shift_shows() -> None:
    watch = Watch(DESCRIBED, SHARES)
    old = np.tile(SHARES, (50, 1))
    assert psi(watch.counts(old), watch.counts(np.tile(SHARES[:2], (50, 1)))) > 0.1
    assert psi(watch.counts(old), watch.counts(old)) == 0
