import math

import pytest

from components.registry import gate
from components.registry.gate import Check


@pytest.mark.parametrize(
    ("figure", "bound", "least", "most"),
    [(0.5, 0.5, True, True), (0.6, 0.5, True, False), (0.4, 0.5, False, True)],
)
def test_bounds_are_inclusive(figure: float, bound: float, least: bool, most: bool) -> None:
    assert gate.at_least("x", figure, bound, "f").passed is least
    assert gate.at_most("x", figure, bound, "f").passed is most


@pytest.mark.parametrize("figure", [None, math.nan, math.inf, -math.inf])
def test_a_missing_figure_fails_and_says_which(figure: float | None) -> None:
    for check in (
        gate.at_least("rank", figure, -9.0, "effective rank"),
        gate.at_most("rank", figure, 9.0, "effective rank"),
        gate.judge("rank", figure, 9.0, "effective rank", "<", lambda f: True),
    ):
        assert (check.passed, check.figure) == (False, None)
        assert check.why.startswith("figure missing: effective rank")


def test_figures_are_shown_so_that_a_person_can_read_them() -> None:
    assert gate.at_most("size", 12345678, 1e6, "bytes").why == "bytes 12,345,678, needed <= 1,000,000"
    assert gate.at_most("latency", 0.00123, 0.5, "seconds").why == "seconds 0.0012, needed <= 0.5000"


def test_verdict_names_every_failed_check_and_needs_one() -> None:
    good, bad = (
        Check(name="a", figure=1, bound=0, passed=True, why="fine"),
        gate.at_least("b", 0.1, 0.2, "it"),
    )
    assert gate.verdict([good]) == (True, "all 1 checks passed")
    assert gate.verdict([good, bad]) == (False, "b: it 0.1000, needed >= 0.2000")
    assert gate.verdict([])[0] is False
