import math

import pytest
import torch

from components.encoders import build_encoder
from components.errors import UserError
from components.objectives import build_objective
from components.objectives.base import Batch
from components.objectives.siglip import SiglipConfig, pairwise
from tests.components.objectives.pairs import PACKING, TOWERS, pairs

IMAGE = torch.tensor([[1, 2, 3], [-1, 0.5, 2], [0.3, -2, 1]], dtype=torch.float64)
TEXT = torch.tensor([[1.1, 1.8, 2.5], [-0.5, 1, 2], [0.1, -1.5, 1.5]], dtype=torch.float64)


def number(value):
    return torch.tensor(float(value), dtype=torch.float64)


def slow(image, text, factor, bias):
    """Algorithm 1 of the paper, pair by pair."""
    image, text = ([row / row.norm() for row in side] for side in (image, text))
    total = 0.0
    for i, one in enumerate(image):
        for j, other in enumerate(text):
            z = 1 if i == j else -1
            total += math.log(1 + math.exp(-z * (factor * float(one @ other) + bias)))
    return total / len(image)


@pytest.mark.parametrize(("factor", "bias"), [(1, 0), (10, -10), (3, 0.5)])
def test_equals_algorithm_1_in_loops(factor, bias):
    found = pairwise(IMAGE, TEXT, number(factor), number(bias)).item()
    assert found == pytest.approx(slow(IMAGE, TEXT, factor, bias), abs=1e-12)


def test_closed_forms():
    """Of the identity at scale 10 and bias -10: each row has a true pair at logit 0 and another at -10."""
    eye = torch.eye(2, dtype=torch.float64)
    by_hand = math.log(2) + math.log(1 + math.exp(-10))
    assert pairwise(eye, eye, number(10), number(-10)).item() == pytest.approx(by_hand, abs=1e-12)
    wrong = math.log(1 + math.exp(10)) + math.log(2)
    assert pairwise(eye, eye.flip(0), number(10), number(-10)).item() == pytest.approx(wrong, abs=1e-12)
    assert pairwise(IMAGE, TEXT, number(0), number(0)).item() == pytest.approx(3 * math.log(2), abs=1e-12)


def test_the_gradient_is_that_of_finite_differences_and_reaches_all_that_is_learnt():
    given = [IMAGE.clone(), TEXT.clone(), number(2), number(-1)]
    given = [one.requires_grad_() for one in given]
    assert torch.autograd.gradcheck(pairwise, given)
    pairwise(*given).backward()
    assert all(one.grad.abs().sum() > 0 for one in given)


@pytest.mark.parametrize(("image", "text"), [((1, 4), (1, 4)), ((3, 4), (2, 4)), ((4,), (4,))])
def test_what_cannot_be_contrasted_is_refused(image, text):
    with pytest.raises(UserError, match="siglip needs"):
        pairwise(torch.ones(image), torch.ones(text), torch.tensor(1.0), torch.tensor(0.0))


def test_the_objective_begins_at_ten_and_minus_ten_and_learns_both():
    torch.manual_seed(0)
    encoder = build_encoder(TOWERS, PACKING)
    objective = build_objective(SiglipConfig(), encoder, 24, 70)
    view = pairs(5)
    losses = objective(encoder.eval(), Batch([view], torch.arange(5)))
    image, text = encoder.embed(view)
    torch.testing.assert_close(losses.total, pairwise(image, text, torch.tensor(10.0), torch.tensor(-10.0)))
    assert losses.parts["temperature"].item() == pytest.approx(0.1)
    assert losses.parts["bias"].item() == -10
    losses.total.backward()
    assert objective.log_scale.grad.abs() > 0
    assert objective.bias.grad.abs() > 0
