import math

import numpy as np
import pytest
from scipy import stats

from components.monitoring.mix import chi_square, psi


def test_psi_of_the_docstring_and_of_a_loop() -> None:
    assert psi([50, 50], [50, 50]) == 0
    assert psi([50, 50], [60, 40], smoothing=0) == pytest.approx(0.1 * math.log(1.2) - 0.1 * math.log(0.8))
    assert psi([50, 50], [60, 40], smoothing=0) == pytest.approx(0.0405, abs=5e-5)
    p, q = [5, 0, 95], [20, 10, 70]
    total = 0.0
    for a, b in zip(p, q, strict=True):
        a, b = (a + 0.5) / 101.5, (b + 0.5) / 101.5
        total += (b - a) * math.log(b / a)
    assert psi(p, q) == pytest.approx(total)
    assert psi(p, q) == pytest.approx(psi(q, p))  # symmetric


def test_chi_square_is_scipys() -> None:
    reference, current = [120, 30, 50], [40, 30, 10]
    expected = stats.chi2_contingency([reference, current], correction=False)
    assert chi_square(reference, current) == pytest.approx((expected.statistic, expected.pvalue))


def test_a_class_that_neither_has_changes_nothing() -> None:
    assert chi_square([20, 0, 30], [30, 0, 20]) == chi_square([20, 30], [30, 20])
    assert chi_square([20, 0], [30, 0]) == (0.0, 1.0)


def test_the_level_is_kept_when_nothing_changed() -> None:
    rng = np.random.default_rng(0)
    shares = [0.5, 0.3, 0.2]
    ps = [chi_square(rng.multinomial(400, shares), rng.multinomial(300, shares))[1] for _ in range(1000)]
    assert np.mean(np.array(ps) < 0.05) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(("reference", "current"), [([1], [1, 2]), ([0, 0], [1, 2]), ([-1, 2], [1, 1])])
def test_bad_counts_are_refused(reference: list[int], current: list[int]) -> None:
    with pytest.raises(ValueError, match="needed"):
        psi(reference, current)
