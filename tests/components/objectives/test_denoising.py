"""Denoising: what is spoiled and how much, that the target is clean, and the defaults."""

import pytest
import torch
from torch import nn

from components.encoders.base import Encoder
from components.objectives.base import Batch
from components.objectives.denoising import Denoising, DenoisingConfig, spoiled


class Remembering(Encoder):
    feature_dim = 3 * 8 * 8

    def forward(self, x):
        self.seen = x
        return x.flatten(1)


def make(**fields):
    torch.manual_seed(0)
    encoder = Remembering(3, [0.5, 0.4, 0.3], [0.2, 0.2, 0.1])
    return Denoising(DenoisingConfig(width=4, **fields), encoder, rows=0, size=8), encoder


def test_hidden_pixels_become_the_fill_and_others_noisy():
    x, noise = torch.full((1, 2, 1, 2), 0.5), torch.full((1, 2, 1, 2), 0.25)
    hidden = torch.tensor([[[[True, False]]]])
    found = spoiled(x, noise, hidden, torch.tensor([0.1, 0.2]).reshape(1, 2, 1, 1))
    assert found[0, :, 0, 0].tolist() == pytest.approx([0.1, 0.2])
    assert found[0, :, 0, 1].tolist() == [0.75, 0.75]


def test_as_much_is_spoiled_as_asked_the_whole_pixel_together():
    objective, encoder = make(noise=0.1, masked=0.25)
    x = torch.full((300, 3, 8, 8), 0.9)
    objective(encoder, Batch([x], torch.arange(300)))
    hidden = encoder.seen == encoder.mean
    assert (hidden.all(dim=1) == hidden.any(dim=1)).all()
    share = hidden[:, 0].float().mean().item()
    assert abs(share - 0.25) < 4 * (0.25 * 0.75 / (300 * 64)) ** 0.5
    left = (encoder.seen - x)[~hidden]
    assert abs(left.std().item() - 0.1) < 0.002
    assert abs(left.mean().item()) < 0.002


def test_what_is_compared_is_the_clean_image():
    objective, encoder = make(noise=0.5, masked=0.5)
    x = torch.rand(20, 3, 8, 8)
    clean = encoder.standardised(x)

    class Clean(nn.Module):
        def forward(self, feature):
            return clean + 0 * feature.sum()

    objective.decoder = Clean()
    assert objective(encoder, Batch([x], torch.arange(20))).total.item() == 0


def test_without_noise_and_mask_it_is_the_autoencoder():
    objective, encoder = make(noise=0.0, masked=0.0)
    x = torch.rand(4, 3, 8, 8)
    objective(encoder, Batch([x], torch.arange(4)))
    assert torch.equal(encoder.seen, x)


def test_every_step_spoils_anew_and_defaults_are_published_choices():
    objective, encoder = make()
    batch = Batch([torch.rand(4, 3, 8, 8)], torch.arange(4))
    objective(encoder, batch)
    first = encoder.seen
    objective(encoder, batch)
    assert torch.equal(first, encoder.seen)
    objective.after_step(encoder, 0.1)
    objective(encoder, batch)
    assert not torch.equal(first, encoder.seen)
    assert DenoisingConfig().masked in (0.1, 0.25, 0.4)
    assert 0.05 <= DenoisingConfig().noise <= 0.5
