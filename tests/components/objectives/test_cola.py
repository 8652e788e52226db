import math

import pytest
import torch

from components.objectives.base import Batch
from components.objectives.cola import Cola, ColaConfig, bilinear_loss
from tests.components.encoders.test_sound_cnn import SMALL
from tests.components.objectives.sounds import make, sounds


def test_the_loss_is_a_loop_over_pairs():
    torch.manual_seed(0)
    first, second, weight = torch.randn(5, 3), torch.randn(5, 3), torch.randn(3, 3)
    each = []
    for i in range(5):
        scores = [float(first[i] @ weight @ second[j]) for j in range(5)]
        each.append(math.log(sum(math.exp(s) for s in scores)) - scores[i])
    assert float(bilinear_loss(first, second, weight)) == pytest.approx(sum(each) / 5, rel=1e-5)


def test_known_values():
    eye = torch.eye(2)
    assert float(bilinear_loss(eye, eye, 0 * eye)) == pytest.approx(math.log(2))
    assert float(bilinear_loss(eye, eye, eye)) == pytest.approx(math.log(1 + 1 / math.e))
    turned = torch.tensor([[0.0, 1.0], [1.0, 0.0]])  # the similarity need not be symmetric
    assert float(bilinear_loss(eye, eye, turned)) == pytest.approx(math.log(1 + math.e))


def test_the_projector_is_that_of_the_paper():
    encoder, objective = make(Cola, ColaConfig(embedding=6), SMALL)
    x = sounds(4)
    g = encoder(x.repeat(2, 1, 1)) @ objective.head[0].weight.T + objective.head[0].bias
    g = torch.tanh(torch.nn.functional.layer_norm(g, (6,)))
    expected = bilinear_loss(g[:4], g[4:], objective.weight)
    torch.testing.assert_close(objective(encoder, Batch([x, x], torch.arange(4))).total, expected)


def test_it_learns_which_parts_belong_together():
    encoder, objective = make(Cola, ColaConfig(embedding=16), SMALL)
    optimiser = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], 3e-3)
    x, losses = sounds(16, shortest=1.0), []
    for _ in range(40):
        loss = objective(encoder, Batch([x[..., :1_600], x[..., 1_600:3_200]], torch.arange(16))).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) / 5 < 0.6 * math.log(16)
