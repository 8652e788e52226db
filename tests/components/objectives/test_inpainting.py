"""Inpainting: squares by hand and in loops, what the encoder does not see, and what counts."""

import pytest
import torch
from torch import nn

from components.encoders.base import Encoder, MapEncoder
from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.inpainting import Inpainting, InpaintingConfig, squares


class Whole(MapEncoder):
    """Maps: the image itself."""

    feature_dim, reduction = 2, 1

    def maps(self, x):
        self.seen = x
        return x


def make(**fields):
    torch.manual_seed(0)
    encoder = Whole(2, [0.4, 0.6], [0.2, 0.1])
    return Inpainting(InpaintingConfig(width=4, **fields), encoder, rows=0, size=8), encoder


def test_squares_by_hand():
    chance = torch.tensor([[[0.0, 0.0], [0.99, 0.5]]])
    found = squares(chance, size=4, side=2)[0, 0].int().tolist()
    assert found == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]


def test_every_place_is_equally_likely_and_inside():
    chance = torch.rand(9000, 1, 2, generator=torch.Generator().manual_seed(0))
    hidden = squares(chance, size=4, side=2)
    assert (hidden.sum(dim=(1, 2, 3)) == 4).all()
    corner = hidden[:, 0, 0, 0].float().mean().item()  # one of 9 places covers the corner
    assert abs(corner - 1 / 9) < 4 * (1 / 9 * 8 / 9 / 9000) ** 0.5


def test_the_encoder_sees_the_mean_where_pixels_are_hidden_and_only_there():
    objective, encoder = make(blocks=2)
    x = torch.rand(30, 2, 8, 8)
    objective(encoder, Batch([x], torch.arange(30)))
    changed = encoder.seen != x
    assert (encoder.seen[changed] == encoder.mean.expand_as(x)[changed]).all()
    assert torch.equal(changed[:, 0], changed[:, 1])
    hidden = squares(objective.chance.uniform(torch.arange(30), 2, 2), 8, 3)
    assert torch.equal(changed[:, :1], hidden)


def test_only_what_was_hidden_counts():
    objective, encoder = make()
    x = torch.rand(6, 2, 8, 8)
    batch = Batch([x], torch.arange(6))
    objective(encoder, batch)
    hidden = encoder.seen != x
    clean = encoder.standardised(x)

    class Said(nn.Module):
        def __init__(self, image):
            super().__init__()
            self.image = image

        def forward(self, maps):
            return self.image

    objective.decoder = Said(torch.where(hidden, clean, 77.0))  # wrong only where everything was seen
    assert objective(encoder, batch).total.item() == 0
    objective.decoder = Said(torch.where(hidden, clean + 3, 77.0))
    assert objective(encoder, batch).total.item() == pytest.approx(9, rel=1e-5)


@pytest.mark.parametrize(("size", "blocks", "side"), [(32, 1, 16), (32, 4, 8), (28, 1, 14), (28, 3, 8)])
def test_squares_cover_a_quarter_of_the_image_together(size, blocks, side):
    config = InpaintingConfig(blocks=blocks)
    assert config.area == 0.25
    assert config.side(size) == side


def test_an_encoder_without_maps_is_refused():
    with pytest.raises(UserError, match="inpainting needs an encoder that gives maps"):
        Inpainting(InpaintingConfig(), Encoder(1, [0.5], [0.3]), rows=0, size=8)
