"""Colour: weights and loss by hand, running shares, what the encoder sees, who is refused."""

import math

import pytest
import torch

from components.encoders.base import Encoder, MapEncoder
from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.colour import Colour, ColourConfig, rebalanced_cross_entropy, rebalancing
from components.objectives.parts.cielab import rgb_to_lab


class Remembering(MapEncoder):
    feature_dim, reduction = 3, 2

    def __init__(self):
        super().__init__(3, [0.0] * 3, [1.0] * 3)

    def maps(self, x):
        self.seen = x
        return x[:, :, ::2, ::2]


def make(**fields):
    torch.manual_seed(0)
    return Colour(ColourConfig(**{"bin": 20, **fields}), Remembering()), Remembering()


def flat(rgb, samples=3, side=4):
    return torch.tensor(rgb).reshape(1, 3, 1, 1).expand(samples, 3, side, side).float()


def test_weights_by_hand():
    """1 / .7 and 1 / .3, brought to mean 1 over the colours: .9 / .7 + .1 / .3 = 1.6190."""
    weights = rebalancing(torch.tensor([0.9, 0.1]), 0.5)
    assert weights.tolist() == pytest.approx([1 / 0.7 / (34 / 21), 1 / 0.3 / (34 / 21)])
    assert weights.tolist() == pytest.approx([0.8824, 2.0588], abs=1e-4)
    shares = torch.softmax(torch.randn(30), 0)
    assert (shares * rebalancing(shares, 0.3)).sum().item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(rebalancing(shares, 1.0), torch.ones(30))


def test_the_loss_in_loops_and_in_closed_form():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    codes = torch.softmax(torch.randn(5, 4, generator=generator, dtype=torch.float64), 1)
    weights = torch.tensor([0.5, 1, 2, 4], dtype=torch.float64)
    total = 0.0
    for s, z in zip(scores.tolist(), codes.tolist(), strict=True):
        low = math.log(sum(math.exp(v) for v in s))
        total += float(weights[z.index(max(z))]) * -sum(c * (v - low) for c, v in zip(z, s, strict=True))
    assert rebalanced_cross_entropy(scores, codes, weights).item() == pytest.approx(total / 5)
    even = rebalanced_cross_entropy(torch.zeros(5, 4), codes.float(), torch.ones(4))
    assert even.item() == pytest.approx(math.log(4))


def test_the_encoder_sees_the_lightness_alone_in_every_channel():
    objective, encoder = make()
    x = torch.rand(3, 3, 4, 4)
    objective(encoder, Batch([x], torch.arange(3)))
    lightness = rgb_to_lab(x)[:, :1] / 100
    torch.testing.assert_close(encoder.seen, lightness.expand(3, 3, 4, 4))


def test_what_is_asked_for_is_the_mean_colour_of_a_maps_cell():
    """Red: its nearest bin is (80, 60), and a head that says so with certainty pays only for the softness."""
    objective, encoder = make(bin=20)
    bin_of_red = objective.bins.tolist().index([80.0, 60.0])
    losses = []
    for number in (bin_of_red, bin_of_red - 1):
        with torch.no_grad():
            objective.top.weight.zero_()
            objective.top.bias.fill_(0.0)
            objective.top.bias[number] = 8.0
        losses.append(objective(encoder, Batch([flat([1.0, 0, 0])], torch.arange(3))).total.item())
    assert losses[0] < 3 < losses[1]


def test_shares_follow_the_colours_and_rare_ones_count_more():
    objective, encoder = make(memory=0.5)
    count = len(objective.bins)
    torch.testing.assert_close(objective.shares, torch.full((count,), 1 / count))
    assert objective.figures()["colours"] == pytest.approx(count, rel=1e-4)
    for _ in range(20):
        objective(encoder, Batch([flat([0.5, 0.5, 0.5])], torch.arange(3)))
        objective.after_step(encoder, 0.1)
    grey = objective.bins.tolist().index([0.0, 0.0])
    assert objective.shares.argmax() == grey
    assert objective.shares.sum().item() == pytest.approx(1, abs=1e-5)
    spread = 1 / (
        1 + 4 * math.exp(-2)
    )  # what the grey bin has of its own code; four neighbours share the rest
    assert objective.shares[grey].item() == pytest.approx(spread, abs=1e-3)
    rest = (1 - spread) / 4
    perplexity = math.exp(-spread * math.log(spread) - 4 * rest * math.log(rest))
    assert objective.figures()["colours"] == pytest.approx(perplexity, rel=1e-3)  # 3.11
    with torch.no_grad():
        objective.top.weight.zero_()
        objective.top.bias.zero_()
    same = objective(encoder, Batch([flat([0.5, 0.5, 0.5])], torch.arange(3))).total
    rare = objective(encoder, Batch([flat([1.0, 0, 0])], torch.arange(3))).total
    common, unseen = 1 / (spread / 2 + 0.5 / count), 1 / (0.5 / count)
    beside = 1 / (rest / 2 + 0.5 / count)
    level = spread * common + 4 * rest * beside
    assert same.item() == pytest.approx(common / level * math.log(count), rel=0.01)
    assert rare.item() == pytest.approx(unseen / level * math.log(count), rel=0.01)


def test_one_step_of_the_shares_by_hand_and_none_in_evaluation():
    objective, encoder = make(memory=0.9)
    before = objective.shares.clone()
    objective.eval()
    objective(encoder, Batch([flat([1.0, 0, 0])], torch.arange(3)))
    objective.after_step(encoder, 0.1)
    assert torch.equal(objective.shares, before)
    objective.train()
    objective(encoder, Batch([flat([1.0, 0, 0])], torch.arange(3)))
    objective.after_step(encoder, 0.1)
    red = objective.bins.tolist().index([80.0, 60.0])
    far = objective.bins.tolist().index([-60.0, 60.0])
    assert objective.shares[far].item() == pytest.approx(0.9 * before[far].item(), rel=1e-5)
    assert objective.shares[red] > before[red] + 0.05


def test_grey_images_and_encoders_without_maps_are_refused_by_name():
    with pytest.raises(UserError, match=r"3 channels .* for images of 1; give colour images, or choose"):
        Colour(ColourConfig(), Encoder(1, [0.5], [0.3]))
    with pytest.raises(UserError, match="colour needs an encoder that gives maps"):
        Colour(ColourConfig(), Encoder(3, [0.5] * 3, [0.3] * 3))


def test_published_defaults():
    config = ColourConfig()
    assert (config.bin, config.even) == (10, 0.5)
    assert Colour.views == (("plain", 1),)
