import numpy as np
import pytest
from scipy.stats import binomtest
from scipy.stats import bootstrap as peer

from components.evaluation.classification.bootstrap import (
    macro_f1_interval,
    mean_interval,
    paired_difference,
    share_interval,
)
from components.evaluation.classification.metrics import confusion


def test_interval_of_a_share_is_the_normal_one_for_many_samples():
    values = np.r_[np.ones(800), np.zeros(200)]
    found = mean_interval(values, resamples=20000)
    half = 1.96 * np.sqrt(0.8 * 0.2 / 1000)
    assert found.value == 0.8
    assert (found.low, found.high) == (
        pytest.approx(0.8 - half, abs=0.002),
        pytest.approx(0.8 + half, abs=0.002),
    )


def test_coverage_of_a_share_is_what_the_level_says():
    """Binomial truth .7, 400 samples: 95 in 100 intervals must hold it (500 draws: sd .01)."""
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(500):
        found = mean_interval(rng.random(400) < 0.7, resamples=400, seed=trial)
        held += found.low <= 0.7 <= found.high
    assert held / 500 == pytest.approx(0.95, abs=0.03)


def test_a_share_is_bounded_where_all_or_none_are_right():
    """Wilson 1927: n of n has the lower bound n / (n + z^2)."""
    z = 1.959963984540054
    full, none = share_interval(10, 10), share_interval(0, 10)
    assert (full.value, full.high) == (1.0, 1.0)
    assert full.low == pytest.approx(10 / (10 + z**2))
    assert (none.low, none.high) == (0.0, pytest.approx(z**2 / (10 + z**2)))


@pytest.mark.parametrize(("count", "samples"), [(0, 3), (7, 10), (775, 1000), (12, 12)])
def test_a_share_equals_scipy(count, samples):
    expected = binomtest(count, samples).proportion_ci(method="wilson")
    found = share_interval(count, samples)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_many_distinct_values_equal_scipy():
    values = np.random.default_rng(1).normal(size=300)
    expected = peer(
        (values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(0)
    ).confidence_interval
    found = mean_interval(values, resamples=4000)
    assert (found.low, found.high) == (
        pytest.approx(expected.low, abs=0.01),
        pytest.approx(expected.high, abs=0.01),
    )


def test_pairing_narrows_the_interval():
    """The models differ on 20 of 1000 samples only: paired, 2 points are sure; unpaired they would be
    noise."""
    rng = np.random.default_rng(2)
    second = rng.random(1000) < 0.7
    first = second.copy()
    first[np.flatnonzero(~second)[:20]] = True
    found = paired_difference(first, second)
    assert found.value == pytest.approx(0.02)
    assert found.low > 0.01
    unpaired = paired_difference(first, rng.permutation(second))
    assert unpaired.high - unpaired.low > 2 * (found.high - found.low)


def test_difference_changes_sign_with_the_order():
    a, b = np.array([1, 1, 0, 1, 0]), np.array([0, 1, 0, 0, 0])
    assert paired_difference(a, b).value == -paired_difference(b, a).value == pytest.approx(0.4)


def test_macro_f1_interval_equals_resampling_the_samples():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 200)
    predicted = np.where(rng.random(200) < 0.7, labels, rng.integers(0, 3, 200))
    found = macro_f1_interval(confusion(labels, predicted, 3), resamples=3000)
    drawn = []
    for _ in range(3000):
        rows = rng.integers(0, 200, 200)
        table = confusion(labels[rows], predicted[rows], 3)
        hit = np.diag(table)
        drawn.append((2 * hit / (table.sum(0) + table.sum(1))).mean())
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))


def test_same_seed_same_interval():
    values = np.random.default_rng(4).normal(size=100)
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_refuses_nothing_and_unequal():
    with pytest.raises(ValueError, match="samples"):
        mean_interval(np.array([]))
    with pytest.raises(ValueError, match="same samples"):
        paired_difference(np.ones(3), np.ones(4))
