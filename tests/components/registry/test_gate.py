import math

import numpy as np
import pytest

from components.registry import gate
from components.registry.gate import Check, GateConfig

FEW = GateConfig(minimum_items=4)


def answers(right: int, wrong: int, start: int = 0) -> dict[str, bool]:
    return {f"item{start + i:05d}": i < right for i in range(right + wrong)}


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
        gate.at_least("health", figure, -9.0, "effective rank"),
        gate.at_most("health", figure, 9.0, "effective rank"),
        gate.beats_baselines(figure, {"pixels": 0.1}),
    ):
        assert not check.passed
        assert check.figure is None
        assert "figure missing" in check.why
    assert "effective rank" in gate.at_least("health", figure, 0.0, "effective rank").why


def test_the_better_baseline_must_be_beaten_not_reached() -> None:
    baselines = {"pixels": 0.70, "scratch": 0.60}
    assert gate.beats_baselines(0.71, baselines).passed
    assert not gate.beats_baselines(0.70, baselines).passed
    assert not gate.beats_baselines(0.65, baselines).passed
    assert not gate.beats_baselines(0.71, baselines, margin=0.02).passed
    assert gate.beats_baselines(0.71, baselines).bound == 0.70
    assert "pixels" in gate.beats_baselines(0.71, baselines).why


@pytest.mark.parametrize("baselines", [None, {}, {"pixels": 0.7, "scratch": None}, {"pixels": math.nan}])
def test_a_missing_baseline_fails(baselines: dict[str, float | None] | None) -> None:
    check = gate.beats_baselines(0.99, baselines)
    assert not check.passed
    assert "missing" in check.why


def test_equal_models_pass_and_a_clearly_worse_one_does_not() -> None:
    champion = answers(800, 200)
    assert gate.beats_champion(champion, champion, FEW).figure == 0.0
    assert gate.beats_champion(champion, champion, FEW).passed
    assert not gate.beats_champion(answers(740, 260), champion, FEW).passed
    assert gate.beats_champion(answers(860, 140), champion, FEW).passed


def test_the_bound_is_that_of_the_paired_difference() -> None:
    """Wrong on 40 more, right on 60 more of 1000: mean .02, standard error sqrt(.1 - .0004) / sqrt(1000)."""
    ids = [f"{i}" for i in range(1000)]
    challenger = {item: i < 860 or i >= 960 for i, item in enumerate(ids)}
    champion = {item: (not 860 <= i < 900 and i < 940) or 960 > i >= 940 for i, item in enumerate(ids)}
    difference = np.array([int(challenger[i]) - int(champion[i]) for i in ids])
    expected = difference.mean() - 1.6449 * difference.std() / math.sqrt(1000)
    figure = gate.beats_champion(challenger, champion, FEW).figure
    assert figure == pytest.approx(expected, abs=0.0015)


def test_paired_on_common_items_only() -> None:
    challenger = {**answers(90, 10), "only-mine": True}
    champion = {**answers(90, 10), **{f"only-theirs{i}": True for i in range(500)}}
    check = gate.beats_champion(challenger, champion, FEW)
    assert check.passed
    assert "100 common items" in check.why


@pytest.mark.parametrize(
    ("challenger", "champion", "word"),
    [
        (None, answers(5, 5), "challenger"),
        (answers(5, 5), None, "champion"),
        (answers(5, 5), answers(5, 5, start=100), "4 common test items needed, got 0"),
    ],
)
def test_nothing_to_compare_fails(
    challenger: dict[str, bool] | None, champion: dict[str, bool] | None, word: str
) -> None:
    check = gate.beats_champion(challenger, champion, FEW)
    assert not check.passed
    assert word in check.why


def test_tolerance_is_what_may_be_lost() -> None:
    champion, challenger = answers(9000, 1000), answers(8995, 1005)
    assert gate.beats_champion(challenger, champion, GateConfig(tolerance=0.01)).passed
    assert not gate.beats_champion(challenger, champion, GateConfig(tolerance=0.0)).passed


def test_worst_class() -> None:
    rows = {"shirt": {"recall": 0.3, "support": 10}, "bag": {"recall": 0.9, "support": 10}}
    assert gate.worst_class(rows, 0.3).passed
    assert gate.worst_class(rows, 0.3).figure == 0.3
    assert "shirt" in gate.worst_class(rows, 0.31).why
    assert not gate.worst_class(rows, 0.31).passed
    absent = {**rows, "coat": {"recall": 0.0, "support": 0}}
    assert gate.worst_class(absent, 0.3).passed
    for broken in (
        None,
        {},
        {"bag": {"recall": math.nan}},
        {"bag": {"f1": 1.0}},
        {"bag": {"recall": 1.0, "support": 0}},
    ):
        assert not gate.worst_class(broken, 0.0).passed


def test_verdict_names_every_failed_check_and_needs_one() -> None:
    good, bad = (
        Check(name="a", figure=1, bound=0, passed=True, why="fine"),
        gate.at_least("b", 0.1, 0.2, "it"),
    )
    assert gate.verdict([good]) == (True, "all 1 checks passed")
    assert gate.verdict([good, bad]) == (False, "b: it 0.1000, needed >= 0.2000")
    assert gate.verdict([])[0] is False
