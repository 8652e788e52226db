"""SCARF: InfoNCE by hand, which view anchors, where gradients go."""

import math

import pytest
import torch

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.scarf import Scarf, ScarfConfig
from tests.components.objectives.toys import Z1, Z2, make


def scarf(first, second, temperature=1.0):
    """The loss of embeddings, through an encoder and a head that leave them as they are."""
    objective, _ = make(Scarf, ScarfConfig(temperature=temperature))
    objective.head = torch.nn.Identity()
    encoder = torch.nn.Identity()
    return objective(encoder, Batch([first, second], torch.arange(len(first)))).total.item()


def by_hand(first, second, temperature=1.0):
    """Algorithm 1 of the paper, loop by loop, plus log B."""
    total = 0.0
    for i in range(len(first)):
        cosines = [
            float(first[i] @ second[k] / first[i].norm() / second[k].norm()) / temperature
            for k in range(len(second))
        ]
        total += -math.log(math.exp(cosines[i]) / (sum(map(math.exp, cosines)) / len(second)))
    return total / len(first) + math.log(len(first))


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_the_papers_loss(temperature):
    assert scarf(Z1, Z2, temperature) == pytest.approx(by_hand(Z1, Z2, temperature), abs=1e-6)


def test_golden_values():
    identity = torch.eye(2, dtype=torch.float64)
    assert scarf(identity, identity) == pytest.approx(math.log(1 + 1 / math.e), abs=1e-7)  # 0.3132616875
    assert scarf(torch.ones(4, 3), torch.ones(4, 3)) == pytest.approx(math.log(4), abs=1e-6)
    assert scarf(Z1, Z2) == pytest.approx(0.8544369758, abs=1e-7)


def test_the_clean_view_is_the_anchor():
    assert abs(scarf(Z1, Z2) - scarf(Z2, Z1)) > 1e-4


def test_it_wants_a_plain_view_and_a_corrupted_one():
    assert Scarf.views == (("plain", 1), ("global", 1))
    assert Scarf.needs == "table"
    assert ScarfConfig().temperature == 1


def test_both_views_take_a_gradient():
    objective, encoder = make(Scarf, ScarfConfig())
    views = [torch.rand(6, 1, 8, 8, requires_grad=True) for _ in range(2)]
    objective(encoder, Batch(views, torch.arange(6))).total.backward()
    assert all(view.grad.abs().sum() > 0 for view in views)


def test_one_view_or_one_sample_is_refused():
    objective, encoder = make(Scarf, ScarfConfig())
    with pytest.raises(UserError, match="scarf needs 2 views"):
        objective(encoder, Batch([torch.rand(6, 1, 8, 8)], torch.arange(6)))
    with pytest.raises(UserError, match="raise batch_size"):
        scarf(Z1[:1], Z2[:1])
