"""The two-sample test against a slow double loop, by simulation under the null, and on data that moved."""

import itertools

import numpy as np
import pytest

from components.monitoring.drift import drifted, error_rate, mmd_test


def slow(x, y):
    """The unbiased estimate, pair by pair."""
    points = [*x, *y]
    squares = [float(((a - b) ** 2).sum()) for a, b in itertools.combinations(points, 2)]
    width = float(np.median(squares))

    def k(a, b):
        return np.exp(-float(((a - b) ** 2).sum()) / (2 * width))

    m, n = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    yy = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (m * n)


@pytest.mark.parametrize(("m", "n", "d"), [(2, 2, 1), (7, 4, 3), (5, 12, 2)])
def test_the_statistic_is_that_of_the_double_loop(m, n, d):
    rng = np.random.default_rng(m)
    x, y = rng.normal(size=(m, d)), rng.normal(1, 2, size=(n, d))
    statistic, _ = mmd_test(x, y, permutations=9, seed=0)
    assert statistic == pytest.approx(slow(x, y), abs=1e-6)
    assert mmd_test(y, x, permutations=9, seed=0)[0] == pytest.approx(statistic, abs=1e-6)


def test_the_p_value_is_that_of_every_permutation_counted_one_by_one():
    """With 3 and 3 points there are 20 ways to part them; many random ones approach that share."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(3, 2)), rng.normal(1, 1, size=(3, 2))
    points = np.concatenate([x, y])
    observed, ways = slow(x, y), list(itertools.combinations(range(6), 3))
    rest = [[i for i in range(6) if i not in way] for way in ways]
    larger = sum(slow(points[list(w)], points[r]) >= observed - 1e-9 for w, r in zip(ways, rest, strict=True))
    _, p = mmd_test(x, y, permutations=20_000, seed=0)
    assert p == pytest.approx(larger / len(ways), abs=0.02)


def test_two_heaps_of_points_have_the_value_that_can_be_worked_out():
    a, b = np.zeros((2, 3)), np.full((2, 3), 1000.0)
    assert mmd_test(a, b, permutations=9, seed=0)[0] == pytest.approx(2 - 2 * np.exp(-0.5), abs=1e-6)


def test_nothing_is_told_from_itself():
    assert mmd_test(np.ones((30, 2)), np.ones((40, 2)), permutations=19, seed=0)[1] == 1.0


def test_without_drift_the_p_values_are_uniform():
    """600 repeats, 19 permutations: p is each of 1/20 ... 20/20 equally often."""
    rng = np.random.default_rng(7)
    p = []
    for repeat in range(600):
        x, y = rng.standard_t(3, size=(12, 4)), rng.standard_t(3, size=(9, 4))
        p.append(mmd_test(x, y, permutations=19, seed=repeat)[1])
    counts = np.bincount(np.round(np.array(p) * 20).astype(int), minlength=21)[1:]
    chi = ((counts - 30) ** 2 / 30).sum()
    assert chi < 43.8  # 0.1 % point of chi-square with 19 degrees of freedom
    for level in (0.05, 0.2, 0.5):
        spread = 4 * np.sqrt(level * (1 - level) / 600)
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=spread)


@pytest.mark.parametrize(
    ("what", "moved"),
    [
        ("mean", lambda rng, n: rng.normal(0.4, 1, size=(n, 3))),
        ("spread", lambda rng, n: rng.normal(0, 1.5, size=(n, 3))),
        (
            "shape",
            lambda rng, n: np.sqrt(3) * rng.normal(size=(n, 3)) / np.sqrt(rng.chisquare(3, size=(n, 1))),
        ),
    ],
)
def test_what_moved_is_found_nearly_always(what, moved):
    rng = np.random.default_rng(3)
    p = [mmd_test(rng.normal(size=(250, 3)), moved(rng, 250), permutations=99, seed=i)[1] for i in range(20)]
    assert np.mean(np.array(p) <= 0.05) >= 0.9, what


def test_the_same_seed_gives_the_same_answer_whatever_the_scale_of_the_features():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(40, 3)), rng.normal(0.4, 1, size=(40, 3))
    first = mmd_test(x, y, permutations=99, seed=1)
    assert mmd_test(x, y, permutations=99, seed=1) == first
    assert mmd_test(1000 * x + 5, 1000 * y + 5, permutations=99, seed=1) == pytest.approx(first, abs=1e-6)


def test_one_row_is_no_sample():
    with pytest.raises(ValueError, match="at least 2 rows each are needed, got 1 and 5"):
        mmd_test(np.zeros((1, 2)), np.zeros((5, 2)), permutations=9, seed=0)


@pytest.mark.parametrize(
    ("p", "said"),
    [
        ([0.001, 0.5, 0.001], True),
        ([0.001, 0.001, 0.5], False),  # not the newest
        ([0.5, 0.5, 0.001], False),  # one odd delivery
        ([0.001, 0.5, 0.5, 0.001], False),  # the other one is too long ago
        ([0.001], False),
        ([0.001, 0.001], True),
        ([0.01, 0.01], True),
        ([], False),
    ],
)
def test_two_of_three_and_the_newest(p, said):
    assert drifted(p, 0.01, 2, 3) is said


@pytest.mark.parametrize(("needed", "windows"), [(1, 1), (1, 3), (2, 3), (3, 3), (2, 5), (4, 5)])
def test_the_error_rate_is_that_of_every_case_enumerated(needed, windows):
    level, rate = 0.03, 0.0
    for case in itertools.product((True, False), repeat=windows):
        weight = np.prod([level if hit else 1 - level for hit in case])
        if drifted([0.0 if hit else 1.0 for hit in case], level, needed, windows):
            rate += weight
    assert error_rate(level, needed, windows) == pytest.approx(rate, rel=1e-12)
    assert error_rate(0.01, 2, 3) == pytest.approx(0.000199)
