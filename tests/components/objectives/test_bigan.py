"""BiGAN: the value of the game by hand, and who climbs and who descends, against two losses of two players."""

import math

import pytest
import torch
import torch.nn.functional as F

from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from components.objectives.base import Batch
from components.objectives.bigan import Bigan, BiganConfig, Critic, game

X = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def make():
    torch.manual_seed(0)
    encoder = build_encoder(
        ResnetConfig(widths=(4, 8), blocks=(1, 1)), image_packing(1, [0.5], [0.3])
    ).double()
    return Bigan(BiganConfig(code=3, width=8), encoder, rows=0, size=8).double(), encoder


def test_the_game_by_hand():
    zero = torch.zeros(5)
    assert game(zero, zero).item() == pytest.approx(2 * math.log(2))
    real, made = torch.tensor([0.3, -1.2]), torch.tensor([0.7, -0.4])
    p = torch.sigmoid
    by_hand = -(p(real).log().mean() + (1 - p(made)).log().mean())
    assert game(real, made).item() == pytest.approx(by_hand.item())
    assert game(torch.tensor([40.0]), torch.tensor([-40.0])).item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(game(torch.tensor([-500.0]), torch.tensor([500.0])))


def test_its_pace_is_a_tenth_unless_the_recipe_says_otherwise():
    assert make()[0].lr_scale == 0.1
    encoder = make()[1]
    assert Bigan(BiganConfig(lr_scale=0.5), encoder.float(), rows=0, size=8).lr_scale == 0.5


def test_the_critic_descends_and_encoder_and_generator_climb():
    """Against the value of the game without any reversal, differentiated for each player."""
    objective, encoder = make()
    batch = Batch([X], torch.arange(6))
    objective(encoder, batch).total.backward()
    z = objective.chance.normal(batch.index, 3).double()
    real = objective.critic(encoder.standardised(X), objective.code(encoder(X)))
    made = objective.critic(objective.generator(z), z)
    value = F.binary_cross_entropy_with_logits(real, torch.ones(6).double())
    value = value + F.binary_cross_entropy_with_logits(made, torch.zeros(6).double())
    players = {
        1.0: list(objective.critic.parameters()),
        -1.0: [*encoder.parameters(), *objective.code.parameters(), *objective.generator.parameters()],
    }
    for sign, own in players.items():
        for parameter, expected in zip(own, torch.autograd.grad(value, own, retain_graph=True), strict=True):
            torch.testing.assert_close(parameter.grad, sign * expected, rtol=1e-7, atol=1e-10)
            assert expected.abs().sum() > 0


def test_the_value_at_the_end_of_the_game():
    objective, encoder = make()
    with torch.no_grad():
        for parameter in objective.critic.judge[2].parameters():
            parameter.zero_()
    losses = objective(encoder, Batch([X], torch.arange(6)))
    assert losses.total.item() == pytest.approx(2 * math.log(2))


def test_the_share_of_pairs_told_rightly():
    objective, encoder = make()
    for bias, right in ((50.0, 0.5), (-50.0, 0.5)):  # all called real, or all made: half of them rightly
        with torch.no_grad():
            objective.critic.judge[2].weight.zero_()
            objective.critic.judge[2].bias.fill_(bias)
        assert objective(encoder, Batch([X], torch.arange(6))).parts["right"].item() == right


def test_a_pairs_score_depends_on_its_image_and_its_code_and_on_no_other_pair():
    torch.manual_seed(0)
    critic = Critic(1, 9, code=3, width=8).double()
    image, code = torch.rand(4, 1, 9, 9).double(), torch.randn(4, 3).double()
    scores = critic(image, code)
    assert scores.shape == (4,)
    torch.testing.assert_close(critic(image[1:2], code[1:2]), scores[1:2])
    assert (critic(image.roll(1, 0), code) != scores).all()
    assert (critic(image, code.roll(1, 0)) != scores).all()


def test_each_step_draws_other_codes():
    objective, encoder = make()
    first = objective.chance.normal(torch.arange(6), 3)
    objective.after_step(encoder, 0.5)
    assert not torch.equal(first, objective.chance.normal(torch.arange(6), 3))
