"""Rotation: the four turns pixel by pixel, the loss in closed form, and what each turn is called."""

import math

import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.rotation import Rotation, RotationConfig, rotation_loss, turned

X = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


class Corners(nn.Module):
    feature_dim = 4

    def forward(self, x):
        return x[:, 0, [0, 1, 1, 0], [0, 0, 1, 1]]  # where the first corner goes, turn by turn


def test_the_turns_are_anticlockwise_and_all_samples_come_before_the_next_turn():
    found = turned(torch.stack([X, X + 10]).unsqueeze(1))
    by_hand = [[[1, 2], [3, 4]], [[2, 4], [1, 3]], [[4, 3], [2, 1]], [[3, 1], [4, 2]]]
    for turn, image in enumerate(by_hand):
        assert found[2 * turn, 0].tolist() == image
        assert (found[2 * turn + 1, 0] - 10).tolist() == image


def test_closed_forms():
    assert rotation_loss(torch.zeros(12, 4)).item() == pytest.approx(math.log(4))
    right = torch.eye(4).repeat_interleave(3, 0)  # every row's own turn scores 1
    assert rotation_loss(right).item() == pytest.approx(math.log(math.e + 3) - 1)
    assert rotation_loss(right.roll(3, 0)).item() == pytest.approx(math.log(math.e + 3))


def test_an_encoder_that_sees_the_upright_is_told_right_by_the_head():
    """Images dark but for one bright corner: the corner's place is the turn."""

    objective = Rotation(RotationConfig(hidden=0), Corners())
    with torch.no_grad():
        objective.top.weight.copy_(20 * torch.eye(4))
        objective.top.bias.zero_()
    x = torch.zeros(3, 1, 2, 2)
    x[:, :, 0, 0] = 1
    assert objective(Corners(), Batch([x], torch.arange(3))).total < 1e-6
    assert objective.collapse_loss == pytest.approx(math.log(4))


def test_another_number_of_views_is_refused():
    objective = Rotation(RotationConfig(hidden=0), type("E", (), {"feature_dim": 4}))
    with pytest.raises(UserError, match="rotation needs 1 view of each sample, got 2"):
        objective(nn.Identity(), Batch([torch.zeros(1, 1, 2, 2)] * 2, torch.arange(1)))


def test_the_perceptron_stands_between_the_features_and_the_turns():
    torch.manual_seed(0)
    objective, encoder = Rotation(RotationConfig(hidden=6), Corners()), Corners()
    assert RotationConfig().hidden == 256
    x = torch.rand(5, 1, 2, 2)
    scores = objective.top(objective.body(encoder(turned(x))))
    assert scores.shape == (20, 4)
    batch = Batch([x], torch.arange(5))
    assert objective(encoder, batch).total.item() == pytest.approx(rotation_loss(scores).item())
