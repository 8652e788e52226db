import math

import pytest
import torch
from scipy.integrate import quad

from components.objectives.parts.sample_rng import Chance
from components.objectives.parts.sigreg import directions, epps_pulley


def slow(values, knots=17):
    """The statistic as a loop over knots and numbers."""
    step, total = 3 / (knots - 1), 0.0
    for k in range(-(knots - 1), knots):
        t = k * step
        real = sum(math.cos(t * v) for v in values) / len(values) - math.exp(-t * t / 2)
        imaginary = sum(math.sin(t * v) for v in values) / len(values)
        weight = step / 2 if abs(k) == knots - 1 else step
        total += weight * (real**2 + imaginary**2) * math.exp(-t * t / 2)
    return len(values) * total


def test_it_equals_a_loop_over_both_sides_of_the_integral():
    values = torch.randn(7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 + 0.5
    for knots in (5, 17):
        expected = [slow(values[:, m].tolist(), knots) for m in range(3)]
        torch.testing.assert_close(epps_pulley(values, knots), torch.tensor(expected, dtype=torch.float64))


def test_many_knots_come_to_the_integral():
    """Of numbers that are all c the integrand is |exp(itc) - exp(-t^2 / 2)|^2 exp(-t^2 / 2)."""
    c, n = 1.3, 4
    exact, _ = quad(
        lambda t: (1 - 2 * math.cos(t * c) * math.exp(-t * t / 2) + math.exp(-t * t)) * math.exp(-t * t / 2),
        -3,
        3,
    )
    found = epps_pulley(torch.full((n, 1), c, dtype=torch.float64), 2001)
    assert float(found) == pytest.approx(n * exact, rel=1e-5)


def test_a_normal_sample_has_the_expected_value_whatever_its_size():
    """E |mean exp(itx) - exp(-t^2 / 2)|^2 = (1 - exp(-t^2)) / n."""
    generator = torch.Generator().manual_seed(1)
    for n in (4, 200):
        found = epps_pulley(torch.randn(n, 1500, generator=generator, dtype=torch.float64), 17)
        assert float(found.mean()) == pytest.approx(1.0525, abs=0.08)
    for change in (lambda x: x + 1, lambda x: 2 * x, lambda x: x.sign()):
        other = change(torch.randn(200, 100, generator=generator, dtype=torch.float64))
        assert float(epps_pulley(other, 17).mean()) > 5


def test_leading_axes_are_samples_of_their_own():
    values = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(epps_pulley(values, 9)[1], epps_pulley(values[1], 9))


def test_directions_have_length_one_and_change_with_the_step():
    torch.manual_seed(0)
    chance = Chance()
    first, again = directions(chance, 5, 2000), directions(chance, 5, 2000)
    assert first.shape == (5, 2000)
    assert torch.equal(first, again)
    torch.testing.assert_close(first.norm(dim=0), torch.ones(2000))
    torch.testing.assert_close(first @ first.T / 2000, torch.eye(5) / 5, atol=0.02, rtol=0)
    chance.tick()
    assert not torch.equal(directions(chance, 5, 2000), first)
