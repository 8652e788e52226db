"""Figures of predicted numbers against scikit-learn, slow loops and hand-computed cases."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from components.evaluation.regression.metrics import by_size, difference, mae, measured, r2, rmse

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(3, 2, 40)
GUESS = TRUTH + RNG.normal(0, 1, 40)


def test_figures_are_those_of_scikit_learn() -> None:
    assert float(r2(TRUTH, GUESS)) == pytest.approx(r2_score(TRUTH, GUESS))
    assert float(mae(TRUTH, GUESS)) == pytest.approx(mean_absolute_error(TRUTH, GUESS))
    assert float(rmse(TRUTH, GUESS)) == pytest.approx(root_mean_squared_error(TRUTH, GUESS))


def test_hand_computed() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    assert float(r2(truth, np.array([1.0, 2.0, 4.0]))) == pytest.approx(0.5)
    assert float(r2(truth, np.full(3, 2.0))) == 0
    assert float(mae(truth, np.array([1.0, 2.0, 4.0]))) == pytest.approx(1 / 3)
    assert float(rmse(truth, np.array([1.0, 2.0, 4.0]))) == pytest.approx(3**-0.5)
    flat = np.full(3, 2.0)
    assert float(r2(flat, flat)) == 1
    assert float(r2(flat, truth)) == -np.inf


def test_the_interval_is_that_of_a_plain_loop_over_resamples() -> None:
    found = measured(TRUTH, GUESS, resamples=300, seed=5)
    rng = np.random.default_rng(5)
    drawn = []
    for size in (256, 44):
        for rows in rng.integers(0, 40, (size, 40)):
            drawn.append(r2_score(TRUTH[rows], GUESS[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found["r2"].low, found["r2"].high) == pytest.approx((low, high))
    assert found["r2"].low < found["r2"].value < found["r2"].high


def test_a_difference_is_paired() -> None:
    """A model less itself is 0 in each resample, however hard the samples are."""
    same = difference(TRUTH, GUESS, GUESS, resamples=50)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    better = difference(TRUTH, GUESS, np.full(40, TRUTH.mean()), resamples=200)
    assert better.value == pytest.approx(r2_score(TRUTH, GUESS))
    assert 0 < better.low < better.value < better.high
    worse = difference(TRUTH, np.full(40, TRUTH.mean()), GUESS, resamples=200)
    assert worse.value == pytest.approx(-better.value)


def test_errors_by_size_cover_each_sample_once() -> None:
    truth, guess = np.array([5.0, 1.0, 2.0, 9.0]), np.array([4.0, 1.5, 2.0, 12.0])
    small, large = by_size(truth, guess, 1.0, bins=2)
    assert (small.low, small.high, small.count) == (1, 2, 2)
    assert (small.bias, small.mae, small.coverage) == (0.25, 0.25, 1.0)
    assert (large.low, large.high, large.count) == (5, 9, 2)
    assert (large.bias, large.mae, large.coverage) == (1.0, 2.0, 0.5)
    assert by_size(truth, guess, None)[0].coverage is None
    assert sum(row.count for row in by_size(TRUTH, GUESS, 1.0, bins=7)) == 40


def test_nothing_to_measure_is_an_error() -> None:
    with pytest.raises(ValueError, match="a sample and a resample at least"):
        measured(TRUTH[:0], GUESS[:0], resamples=5)
    with pytest.raises(ValueError, match="do not vary"):
        measured(np.ones(4), np.zeros(4), resamples=5)
