"""HR and NDCG by hand, and beside a slow computation."""

import itertools
import math

import numpy as np
import pytest

from components.evaluation.ranking.gains import by_chance, gains_of


def test_places_by_hand():
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    found = gains_of(scores, np.array([0, 1, 2]), k=2)
    np.testing.assert_allclose(found.ndcg, [1, 1 / math.log2(3), 0])
    np.testing.assert_allclose(found.hit, [1, 1, 0])


def test_equal_scores_are_the_mean_over_all_orders():
    random = np.random.default_rng(0)
    scores = random.integers(0, 3, (20, 5)).astype(float)
    targets = random.integers(0, 5, 20)
    found = gains_of(scores, targets, k=3)
    for row, target, ndcg, hit in zip(scores, targets, found.ndcg, found.hit, strict=True):
        every = []
        for order in itertools.permutations(range(5)):
            ranked = sorted(order, key=lambda item: -row[item])
            every.append(ranked.index(target) + 1)
        gains = [1 / math.log2(1 + place) if place <= 3 else 0 for place in every]
        assert ndcg == pytest.approx(np.mean(gains))
        assert hit == pytest.approx(np.mean([place <= 3 for place in every]))


def test_an_item_that_cannot_be_recommended_is_no_hit():
    found = gains_of(np.array([[-np.inf, -np.inf, 1.0]]), np.array([0]), k=3)
    assert (found.ndcg[0], found.hit[0]) == (0, 0)


def test_a_random_order():
    assert by_chance(2) == pytest.approx((1 + 1 / math.log2(3)) / 2)
    constant = gains_of(np.zeros((1, 40)), np.array([7]))
    assert constant.ndcg[0] == pytest.approx(by_chance(40))
    assert constant.hit[0] == pytest.approx(10 / 40)
