import math

import numpy as np
import pytest
from scipy.stats import beta

from components.registry.classes import class_drops, least_fall, worst_class
from components.registry.comparison import Answers
from components.registry.gate import GateConfig

ALPHA = 0.05


def of(rows: dict[str, tuple[int, int, int]]) -> tuple[Answers, Answers]:
    """label -> (items, lost, gained): answers of a challenger and of a champion; the rest both have right."""
    challenger, champion = {}, {}
    for label, (items, lost, gained) in rows.items():
        for i in range(items):
            ours, theirs = not i < lost, not lost <= i < lost + gained
            challenger[f"{label}{i}"] = (label, label if ours else "other")
            champion[f"{label}{i}"] = (label, label if theirs else "other")
    return challenger, champion


def test_worst_class() -> None:
    rows = {"shirt": {"recall": 0.3, "support": 10}, "bag": {"recall": 0.9, "support": 10}}
    assert worst_class(rows, 0.3).passed
    assert worst_class(rows, 0.3).figure == 0.3
    assert "shirt" in worst_class(rows, 0.31).why
    assert not worst_class(rows, 0.31).passed
    absent = {**rows, "coat": {"recall": 0.0, "support": 0}}
    assert worst_class(absent, 0.3).passed
    for broken in (
        None,
        {},
        {"bag": {"recall": math.nan}},
        {"bag": {"f1": 1.0}},
        {"bag": {"recall": 1.0, "support": 0}},
    ):
        assert not worst_class(broken, 0.0).passed


@pytest.mark.parametrize("m", [1, 2, 5, 40])
def test_all_lost_has_a_closed_form(m: int) -> None:
    """P(all m lost | share t) = t^m = alpha at the limit."""
    expected = (2 * ALPHA ** (1 / m) - 1) * m / 50
    assert least_fall(m, 0, 50, ALPHA) == pytest.approx(expected)


@pytest.mark.parametrize(("lost", "gained"), [(7, 3), (3, 7), (1, 1), (20, 20)])
def test_the_limit_is_clopper_pearsons(lost: int, gained: int) -> None:
    share = beta.ppf(ALPHA, lost, gained + 1)
    assert least_fall(lost, gained, 100, ALPHA) == pytest.approx((2 * share - 1) * (lost + gained) / 100)


def test_nothing_lost_is_no_fall() -> None:
    assert least_fall(0, 0, 10, ALPHA) == 0.0
    assert least_fall(0, 4, 10, ALPHA) == pytest.approx(-0.4)


def test_the_limit_lies_above_the_true_fall_seldom() -> None:
    """Models that differ on a third of 60 items and lose as often as they gain: 5 % at most are accused."""
    rng = np.random.default_rng(0)
    differ = rng.binomial(60, 1 / 3, 4000)
    lost = rng.binomial(differ, 0.5)
    accused = np.mean(
        [least_fall(int(a), int(m - a), 60, ALPHA) > 0 for a, m in zip(lost, differ, strict=True)]
    )
    assert 0.01 < accused <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)


def test_one_lost_class_is_seen_behind_a_good_mean() -> None:
    bounds = GateConfig(class_drop=0.1)
    check = class_drops(*of({"bag": (400, 0, 60), "shirt": (50, 25, 0), "coat": (50, 0, 0)}), bounds)
    alpha = (1 - bounds.confidence) / 3
    assert check.figure == pytest.approx((2 * alpha ** (1 / 25) - 1) * 25 / 50)
    assert not check.passed
    assert "recall of shirt -0.5000" in check.why
    assert class_drops(*of({"bag": (400, 0, 60), "shirt": (50, 5, 4)}), bounds).passed


def test_two_items_of_a_class_accuse_nobody() -> None:
    check = class_drops(*of({"bag": (100, 0, 0), "shirt": (2, 2, 0)}), GateConfig(class_drop=0.0))
    assert check.passed
    assert check.figure == 0.0  # that of bag: nothing is certain of shirt


def test_the_bound_is_what_may_be_lost() -> None:
    pair = of({"shirt": (50, 25, 0)})
    figure = least_fall(25, 0, 50, 0.05)
    assert class_drops(*pair, GateConfig(class_drop=figure + 1e-9)).passed
    assert not class_drops(*pair, GateConfig(class_drop=figure - 1e-9)).passed


def test_answers_that_are_missing_fail() -> None:
    some = of({"bag": (5, 0, 0)})[0]
    for pair in ((None, some), (some, None), (some, {"else": ("bag", "bag")})):
        check = class_drops(*pair, GateConfig(class_drop=1))
        assert (check.passed, check.figure) == (False, None)
