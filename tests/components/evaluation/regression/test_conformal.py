"""The half width of an interval: hand-computed, and the promise kept on new samples."""

import numpy as np
import pytest

from components.evaluation.regression.conformal import half_width


def test_hand_computed() -> None:
    assert half_width(np.array([1.0, -9, 3, 4, -5, 6, 7, 8, 2]), 0.1) == 9  # the ceil(10 * .9) = 9th smallest
    assert half_width(np.arange(8.0), 0.1) is None
    assert half_width(np.array([3.0, -1, 2]), 0.5) == 2


def test_the_promise_is_kept_on_new_samples() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(300):
        half = half_width(rng.standard_t(3, 50), 0.2)
        assert half is not None
        inside.append((np.abs(rng.standard_t(3, 200)) <= half).mean())
    assert np.mean(inside) == pytest.approx(41 / 51, abs=0.01)  # the ceil(51 * .8) = 41st of 50
