"""The learning rate at points where it is known exactly."""

import pytest

from components.training.schedule import rate


@pytest.mark.parametrize(
    ("progress", "expected"),
    [(0.0, 0.0), (0.05, 0.5), (0.1, 1.0), (0.325, 0.8535533906), (0.55, 0.5), (1.0, 0.0), (1.2, 0.0)],
)
def test_warm_up_then_half_a_cosine(progress: float, expected: float) -> None:
    assert rate(progress, warmup=0.1) == pytest.approx(expected, abs=1e-10)


def test_no_warm_up_begins_at_the_peak_and_the_floor_is_what_remains() -> None:
    assert rate(0, warmup=0) == 1
    assert rate(1, warmup=0, floor=0.2) == pytest.approx(0.2)
    assert rate(0.5, warmup=0, floor=0.2) == pytest.approx(0.6)
