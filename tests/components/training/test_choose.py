"""Choosing between objectives: what is compared when, the score, the agreement of two orders, the ranking."""

import math

import pytest
from scipy.stats import kendalltau

from components.training.choose import Outcome, kendall, ranked, rungs, score


@pytest.mark.parametrize(
    ("budget", "expected"),
    [(1, [1]), (2, [2]), (3, [1, 3]), (6, [2, 6]), (9, [1, 3, 9]), (10, [1, 3, 10]), (30, [3, 9, 30])],
)
def test_the_rungs_of_a_budget(budget, expected):
    assert rungs(budget) == expected


@pytest.mark.parametrize(
    ("lidar", "decay", "expected"),
    [
        (32, 1.0, math.log(32)),
        (32, 1.5, math.log(32) - 0.5),
        (32, 0.5, math.log(32) - 0.5),
        (1, 1, 0),
        (0.5, 1, 0),
    ],
)
def test_the_score_by_hand(lidar, decay, expected):
    assert score({"lidar": lidar, "decay": decay}) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4]), ([1, 2, 3, 4], [4, 3, 2, 1]), ([1, 2, 2, 5, 3], [3, 1, 4, 4, 2]),
        ([0.1, 0.5, 0.2, 0.9, 0.9], [2, 3, 3, 1, 8]),
    ],
)  # fmt: skip
def test_kendall_is_scipys(first, second):
    assert kendall(first, second) == pytest.approx(kendalltau(first, second).statistic)


def test_kendall_of_no_order_is_none():
    assert kendall([1, 1, 1], [1, 2, 3]) is None
    assert kendall([1], [2]) is None


def run(name, epochs, points, accuracy, early=None, dead=None, lejepa=None):
    return Outcome(name, epochs, points, accuracy, early or (points, accuracy), {}, dead, lejepa)


def names(choice):
    return [one.name for one in choice.ranking]


def test_the_longest_lived_come_first_then_the_most_accurate_and_the_dead_last():
    choice = ranked(
        [
            run("a", 3, 5.0, 0.9),
            run("b", 9, 1.0, 0.5),
            run("c", 9, 0.5, 0.7),
            run("d", 9, 9.0, 0.0, dead="nan"),
        ]
    )
    assert names(choice) == ["c", "b", "a", "d"]
    assert "labels, cross-validated" in choice.by


def test_without_labels_the_score_ranks_and_nothing_is_compared():
    choice = ranked([run("a", 9, 1.0, None), run("b", 9, 2.0, None)])
    assert names(choice) == ["b", "a"]
    assert choice.tau is None
    assert "without labels" in choice.by


def test_the_orders_are_compared_after_the_first_rung_and_without_the_dead():
    choice = ranked(
        [
            run("a", 9, 0.0, 0.9, early=(1.0, 0.2)), run("b", 3, 5.0, 0.1, early=(2.0, 0.3)),
            run("c", 1, 7.0, 0.0, early=(3.0, 0.4)), run("d", 1, -1e9, 0.99, dead="dead"),
        ]
    )  # fmt: skip
    assert choice.tau == pytest.approx(1.0)


def test_lejepas_loss_is_another_order_lowest_first_and_ranks_nothing():
    given = [
        run("a", 9, 1.0, 0.9, lejepa=0.1), run("b", 9, 2.0, 0.5, lejepa=0.2), run("c", 9, 3.0, 0.7, lejepa=0.3),
        run("d", 1, -1e9, 0.99, dead="dead"),
    ]  # fmt: skip
    choice = ranked(given)
    assert choice.lejepa_tau == pytest.approx(kendalltau([3, 2, 1], [0.9, 0.5, 0.7]).statistic)
    assert names(choice) == ["a", "c", "b", "d"]
    assert ranked([*given, run("e", 9, 1.0, 0.6)]).lejepa_tau is None  # a run of which it is not known
    assert ranked([run("a", 9, 1.0, None, lejepa=0.1), run("b", 9, 2.0, None, lejepa=0.2)]).lejepa_tau is None
