import math

import pytest
import torch

from components.errors import UserError
from components.objectives.parts.koleo import koleo
from tests.components.objectives.toys import Z1, noise


def slow(x):
    z = [v / v.norm() for v in x]
    nearest = [min(float((z[i] - z[j]).norm()) for j in range(len(z)) if j != i) for i in range(len(z))]
    return -sum(math.log(d) for d in nearest) / len(z)


def test_golden_value():
    assert koleo(Z1).item() == pytest.approx(0.0113567767, abs=3e-8)  # published: 1e-8 added to distances


def test_equals_the_equation_in_loops_and_length_does_not_matter():
    x = noise(12, 5)
    assert koleo(x).item() == pytest.approx(slow(x))
    assert koleo(x * torch.arange(1, 13).unsqueeze(1)).item() == pytest.approx(slow(x))
    assert koleo(torch.eye(4)).item() == pytest.approx(-0.5 * math.log(2))


def test_the_gradient_is_that_of_finite_differences_and_reaches_the_neighbour():
    x = noise(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(koleo, (x,))
    pair = torch.tensor([[1.0, 0.0], [0.6, 0.8]], requires_grad=True)
    koleo(pair).backward()
    assert (pair.grad.norm(dim=1) > 0.1).all()
    torch.testing.assert_close(pair.grad[0].norm(), pair.grad[1].norm())


def test_duplicates_cost_a_bounded_amount_and_take_no_gradient():
    x = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]], requires_grad=True)
    loss = koleo(x)
    loss.backward()
    assert loss.item() == pytest.approx((2 * math.log(1e4) - math.log(math.sqrt(2 - 4 / math.sqrt(5)))) / 3)
    assert torch.isfinite(x.grad).all()
    near = torch.tensor([[1.0, 0.0], [1.0, 1e-6]], requires_grad=True)
    koleo(near).backward()
    assert (near.grad == 0).all()
    assert koleo(torch.ones(3, 4)).item() == pytest.approx(9.2103, abs=1e-4)


def test_half_precision_is_widened():
    assert koleo(Z1.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("shape", [(1, 4), (3,)])
def test_a_row_alone_is_refused(shape):
    with pytest.raises(UserError, match="2 samples or more"):
        koleo(torch.ones(shape))
