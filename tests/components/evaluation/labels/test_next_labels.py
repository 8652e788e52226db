import numpy as np
import pytest

from components.evaluation.labels.next_labels import expected


def test_a_power_law_goes_on_exactly():
    found = expected([10, 100, 1000], [0.6, 0.8, 0.9], 9000)
    assert (found.labels, found.now) == (10000, pytest.approx(0.9))
    assert [found.accuracy, found.low, found.high] == pytest.approx([0.95, 0.95, 0.95])


def test_the_interval_is_that_of_the_mean_of_a_regression():
    """Against scikit-learn-free algebra: hat matrix and the t quantile of 2 degrees of freedom from a table."""
    sizes, accuracy = [10, 30, 100, 300], [0.5, 0.62, 0.66, 0.75]
    x = np.stack([np.ones(4), np.log(sizes)], axis=1)
    y = np.log(1 - np.array(accuracy))
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ y
    residual = y - x @ beta
    at = np.array([1.0, np.log(350)])
    reach = 4.303 * np.sqrt(residual @ residual / 2 * (at @ inverse @ at))
    found = expected(sizes, accuracy, 50)
    assert found.labels == 350
    assert found.accuracy == pytest.approx(1 - np.exp(at @ beta))
    assert found.low == pytest.approx(1 - np.exp(at @ beta + reach))
    assert found.high == pytest.approx(1 - np.exp(at @ beta - reach))
    assert found.low < found.accuracy < found.high


def test_two_sizes_are_too_few_and_no_error_leaves_nothing_to_fit():
    assert expected([10, 100], [0.5, 0.6], 10) is None
    assert expected([10, 100, 1000], [0.9, 1.0, 0.95], 100) is None


def test_what_gets_worse_stays_within_bounds():
    worse = expected([10, 20, 40], [0.3, 0.2, 0.05], 1000)
    assert worse.low == 0 <= worse.accuracy < worse.now
