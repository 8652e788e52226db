"""Figures of rankings: by hand, against scikit-learn, and as expectations over ties."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from components.errors import UserError
from components.evaluation.anomaly.figures import average_precision, precision_at, recall_at

SCORES = np.array([0.9, 0.8, 0.7, 0.6])
ANOMALY = np.array([True, False, True, False])


def test_by_hand():
    assert average_precision(SCORES, ANOMALY) == pytest.approx((1 + 2 / 3) / 2)
    assert [recall_at(SCORES, ANOMALY, n) for n in (1, 2, 3, 9)] == [0.5, 0.5, 1, 1]
    assert [precision_at(SCORES, ANOMALY, n) for n in (1, 2, 3, 9)] == [1, 0.5, pytest.approx(2 / 3), 0.5]


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_that_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    scores, anomaly = random.integers(0, 12, 80).astype(float), random.random(80) < 0.2
    assert average_precision(scores, anomaly) == pytest.approx(average_precision_score(anomaly, scores))


def test_a_constant_score_is_worth_the_share_of_anomalies():
    assert average_precision(np.ones(10), np.arange(10) < 3) == pytest.approx(0.3)
    assert recall_at(np.ones(10), np.arange(10) < 3, 5) == pytest.approx(0.5)


def test_equal_scores_are_an_expectation_over_their_order():
    scores, anomaly = np.array([3.0, 2, 2, 2, 1]), np.array([False, True, True, False, True])
    hits = [
        sum(anomaly[[0, *order]][:3]) for order in itertools.permutations([1, 2, 3])
    ]  # the first three of each order of the three that are equal
    assert recall_at(scores, anomaly, 3) == pytest.approx(np.mean(hits) / 3)


@pytest.mark.parametrize(
    ("scores", "anomaly", "said"),
    [
        (np.ones(3), np.zeros(3, bool), "one anomaly or more"),
        (np.ones(3), np.ones(4, bool), "one score and one label"),
        (np.array([1, np.nan]), np.ones(2, bool), "NaN"),
    ],
)
def test_what_has_no_figure(scores, anomaly, said):
    with pytest.raises(UserError, match=said):
        average_precision(scores, anomaly)
    with pytest.raises(UserError, match="one alarm or more"):
        recall_at(SCORES, ANOMALY, 0)
