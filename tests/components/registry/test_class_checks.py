import math

import numpy as np
import pytest
from scipy.stats import beta

from components.registry.class_checks import class_drops, least_fall, recall_limits, worst_class
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


def row(right: int, items: int) -> dict[str, float]:
    return {"recall": right / items if items else 0.0, "support": items}


@pytest.mark.parametrize(("right", "items"), [(0, 7), (3, 10), (9, 10), (1, 1), (200, 400)])
def test_the_limits_of_a_recall_are_clopper_pearsons(right: int, items: int) -> None:
    low, high = recall_limits(right, items, ALPHA)
    assert low == pytest.approx(beta.ppf(ALPHA, right, items - right + 1) if right else 0.0)
    assert high == pytest.approx(beta.ppf(1 - ALPHA, right + 1, items - right) if right < items else 1.0)
    if not right:
        assert high == pytest.approx(1 - ALPHA ** (1 / items))


def test_a_lost_class_is_refused_once_its_samples_make_it_certain() -> None:
    """Two classes, mean recall .45, floor .045: none right of n is below it for certain from n = 81 on, where
    .025 ** (1 / n) > 1 - .045."""
    at = math.log(0.025) / math.log(1 - 0.045)
    assert at == pytest.approx(80.1, abs=0.1)
    for items, passes in ((5, True), (80, True), (81, False), (400, False)):
        check = worst_class({"bag": row(90, 100), "shirt": row(0, items)}, GateConfig())
        assert (check.passed, check.bound) == (passes, pytest.approx(0.045))
        assert check.figure == pytest.approx(1 - 0.025 ** (1 / items))


def test_the_sentence_has_class_recall_samples_interval_and_floor() -> None:
    rows = {"bag": row(90, 100), "shirt": row(0, 100), "coat": row(0, 0)}
    assert worst_class(rows, GateConfig()).why == (
        "recall of shirt 0.0000 on its 100 test samples, interval 0.0000 to 0.0362 (95% for 2 classes together), floor "
        "0.1 of the mean recall 0.4500, 1 class without a test sample not judged: upper limit 0.0362, needed >= 0.0450"
    )


def test_one_class_of_64_with_a_handful_of_samples_and_none_right_is_no_reason_to_refuse() -> None:
    rows = {f"class{i}": row(3, 8) for i in range(63)} | {"rare": row(0, 6)}
    check = worst_class(rows, GateConfig())
    assert check.passed
    assert "recall of rare 0.0000 on its 6 test samples" in check.why
    assert not worst_class({**rows, "rare": row(0, 600)}, GateConfig()).passed


def test_healthy_weak_models_of_many_classes_pass_and_a_dead_class_in_them_does_not() -> None:
    """64 classes, recalls spread about .3, 5 to 20 samples each: in most draws some class has none right."""
    rng = np.random.default_rng(0)
    empty, refused, dead = 0, 0, 0
    for _ in range(200):
        items = rng.integers(5, 21, 64)
        right = rng.binomial(items, rng.beta(3, 7, 64))
        rows = {f"class{i}": row(int(r), int(n)) for i, (r, n) in enumerate(zip(right, items, strict=True))}
        empty += bool((right == 0).any())
        refused += not worst_class(rows, GateConfig()).passed
        dead += not worst_class({**rows, "dead": row(0, 400)}, GateConfig()).passed
    assert empty > 150
    assert refused == 0
    assert dead == 200


def test_classes_that_just_reach_the_floor_are_refused_as_seldom_as_asked() -> None:
    """20 classes whose true recall is a tenth of the mean, beside 20 good ones, 200 samples each:
    r = .1 (r + .81) / 2."""
    rng, refused = np.random.default_rng(1), 0
    true = np.array([0.0405 / 0.95] * 20 + [0.81] * 20)
    assert true[0] == pytest.approx(0.1 * true.mean())
    for _ in range(400):
        right = rng.binomial(200, true)
        rows = {f"class{i}": row(int(r), 200) for i, r in enumerate(right)}
        refused += not worst_class(rows, GateConfig()).passed
    assert refused / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        {"bag": {"recall": math.nan, "support": 3}},
        {"bag": {"f1": 1.0, "support": 3}},
        {"bag": {"recall": 1.0}},
        {"bag": {"recall": 1.0, "support": 0}},
    ],
)
def test_recalls_that_are_missing_fail(broken: dict[str, dict[str, float]] | None) -> None:
    check = worst_class(broken, GateConfig(class_floor=0))
    assert (check.passed, check.figure) == (False, None)
    assert check.why.startswith("figure missing: ")


def test_a_test_set_of_one_sample_says_nothing_against_a_class() -> None:
    for right in (0, 1):
        check = worst_class({"bag": row(right, 1), "shirt": row(0, 0)}, GateConfig())
        assert check.passed
        assert "on its 1 test sample, interval" in check.why


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
    upper = 1.0 * 25 / 50  # all that differ are lost, so the share lost may be 1
    assert (
        f"recall of shirt -0.5000 against the champion on its 50 test samples, a fall of {check.figure:.4f} to "
        in (check.why)
    )
    assert f"to {upper:.4f} (95% for 3 classes together)" in check.why
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
