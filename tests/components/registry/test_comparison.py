import math

import numpy as np
import pytest

from components.registry import comparison
from components.registry.gate import GateConfig

FEW = GateConfig(minimum_items=4)


def answers(right: int, wrong: int, start: int = 0) -> dict[str, tuple[str, str]]:
    return {f"item{start + i:05d}": ("bag", "bag" if i < right else "shirt") for i in range(right + wrong)}


def test_the_better_baseline_must_be_beaten_not_reached() -> None:
    baselines = {"pixels": 0.70, "scratch": 0.60}
    assert comparison.beats_baselines(0.71, baselines).passed
    assert not comparison.beats_baselines(0.70, baselines).passed
    assert not comparison.beats_baselines(0.65, baselines).passed
    assert not comparison.beats_baselines(0.71, baselines, margin=0.02).passed
    assert comparison.beats_baselines(0.71, baselines).bound == 0.70
    assert "pixels" in comparison.beats_baselines(0.71, baselines).why


def test_where_a_baseline_is_right_on_all_it_is_enough_to_be_so_too() -> None:
    check = comparison.beats_baselines(1.0, {"pixels": 1.0, "scratch": 0.9})
    assert (check.passed, check.bound) == (True, 1.0)
    assert check.why == "accuracy against pixels 1.0000, needed >= 1.0000"
    assert not comparison.beats_baselines(0.999, {"pixels": 1.0}).passed
    assert comparison.beats_baselines(1.0, {"pixels": 0.97}, margin=0.05).passed
    assert not comparison.beats_baselines(0.99, {"pixels": 0.97}, margin=0.05).passed


@pytest.mark.parametrize("baselines", [None, {}, {"pixels": 0.7, "scratch": None}, {"pixels": math.nan}])
def test_a_missing_baseline_fails(baselines: dict[str, float | None] | None) -> None:
    check = comparison.beats_baselines(0.99, baselines)
    assert not check.passed
    assert "missing" in check.why


def test_a_missing_accuracy_fails() -> None:
    assert not comparison.beats_baselines(None, {"pixels": 0.0}).passed


def test_a_baseline_that_is_part_of_the_model_is_not_one_to_beat() -> None:
    baselines = {"pixels": 0.80, "scratch": 0.60}
    assert not comparison.beats_baselines(0.80, baselines).passed
    check = comparison.beats_baselines(0.80, baselines, made_of=["pixels"])
    assert (check.bound, check.passed) == (0.60, True)
    assert comparison.beats_baselines(0.80, {**baselines, "pixels": None}, made_of=["pixels"]).passed
    assert "not part of the model" in comparison.beats_baselines(0.8, baselines, made_of=baselines).why


def test_every_model_at_chance_ends_in_a_sentence() -> None:
    check = comparison.beats_baselines(0.1, {"pixels": 0.1, "scratch": 0.1})
    assert (check.passed, check.why) == (False, "accuracy against pixels 0.1000, needed > 0.1000")


def test_equal_models_pass_and_a_clearly_worse_one_does_not() -> None:
    champion = answers(800, 200)
    assert comparison.beats_champion(champion, champion, FEW).figure == 0.0
    assert comparison.beats_champion(champion, champion, FEW).passed
    assert not comparison.beats_champion(answers(740, 260), champion, FEW).passed
    assert comparison.beats_champion(answers(860, 140), champion, FEW).passed


def test_the_bound_is_that_of_the_paired_difference() -> None:
    """Wrong on 40 more, right on 60 more of 1000: mean .02, standard error sqrt(.1 - .0004) / sqrt(1000)."""
    ids = [f"{i}" for i in range(1000)]
    ours = {item: i < 860 or i >= 960 for i, item in enumerate(ids)}
    theirs = {item: (not 860 <= i < 900 and i < 940) or 960 > i >= 940 for i, item in enumerate(ids)}
    difference = np.array([int(ours[i]) - int(theirs[i]) for i in ids])
    expected = difference.mean() - 1.6449 * difference.std() / math.sqrt(1000)
    both = ({i: ("bag", "bag" if right[i] else "shirt") for i in ids} for right in (ours, theirs))
    figure = comparison.beats_champion(*both, FEW).figure
    assert figure == pytest.approx(expected, abs=0.0015)


def test_paired_on_common_items_only() -> None:
    challenger = {**answers(90, 10), "only-mine": ("bag", "bag")}
    champion = {**answers(90, 10), **{f"only-theirs{i}": ("bag", "bag") for i in range(500)}}
    check = comparison.beats_champion(challenger, champion, FEW)
    assert check.passed
    assert "100 common items" in check.why


def test_a_corrected_label_counts_for_both() -> None:
    """The champion said shirt where the label was bag; the label is shirt by now."""
    champion = {**answers(8, 0), "item": ("bag", "shirt")}
    challenger = {**answers(8, 0), "item": ("shirt", "shirt")}
    labels, ours, theirs = comparison.right(challenger, champion)
    assert (labels[0], ours.sum(), theirs.sum()) == ("shirt", 9, 9)


@pytest.mark.parametrize(
    ("challenger", "champion", "word"),
    [
        (None, answers(5, 5), "challenger"),
        (answers(5, 5), None, "champion"),
        (answers(5, 5), answers(5, 5, start=100), "4 common test items needed, got 0"),
    ],
)
def test_nothing_to_compare_fails(
    challenger: comparison.Answers | None, champion: comparison.Answers | None, word: str
) -> None:
    check = comparison.beats_champion(challenger, champion, FEW)
    assert not check.passed
    assert word in check.why


def test_tolerance_is_what_may_be_lost() -> None:
    champion, challenger = answers(9000, 1000), answers(8995, 1005)
    assert comparison.beats_champion(challenger, champion, GateConfig(tolerance=0.01)).passed
    assert not comparison.beats_champion(challenger, champion, GateConfig(tolerance=0.0)).passed


def test_forgetting_is_the_fall_on_the_champions_items() -> None:
    """80 of 100 right then, 77 of these 100 now: a fall of .03, whatever the new items say."""
    champion = answers(80, 20)
    challenger = {**answers(77, 23), **answers(50, 0, start=1000)}
    check = comparison.forgetting(challenger, champion, 0.02)
    assert (check.figure, check.passed) == (pytest.approx(0.03), False)
    assert comparison.forgetting(challenger, champion, 0.03 + 1e-9).passed
    assert comparison.forgetting(answers(85, 15), champion, 0.0).figure == pytest.approx(-0.05)


def test_an_item_that_was_not_asked_counts_as_wrong() -> None:
    """Of 100 items the 10 last are gone: the champion had 5 of these right, so .05 is lost."""
    champion = answers(95, 5)
    challenger = dict(list(answers(95, 5).items())[:90])
    check = comparison.forgetting(challenger, champion, 0.04)
    assert (check.figure, check.passed) == (pytest.approx(0.05), False)
    assert "10 of them not answered" in check.why


@pytest.mark.parametrize(("challenger", "champion"), [(None, answers(5, 5)), (answers(5, 5), None), ({}, {})])
def test_what_was_forgotten_cannot_be_told_without_answers(
    challenger: comparison.Answers | None, champion: comparison.Answers | None
) -> None:
    check = comparison.forgetting(challenger, champion, 1.0)
    assert (check.passed, check.figure) == (False, None)
