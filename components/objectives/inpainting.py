"""Inpainting: say what the hidden squares of an image show, from the rest of it.

Source: Pathak et al. 2016, context encoders (arXiv:1604.07379), equation 1, and its random blocks that hide a
quarter of the image. The adversarial half of the published loss is left out (its weight there is .001; the
squared error weighs .999): it sharpens the picture and is not needed for the feature.
Decodes from the encoder's maps, as the paper does; the feature is their mean.
Differs: the error is the mean over the hidden pixels, of which overlapping squares leave fewer; hidden pixels
become the data's mean.
Letters: B samples on this rank, C channels, S side, D channels of a map, h its side, N squares.
"""

import math
from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder, image_encoder
from components.encoders.decoder import MapDecoder, mapping
from components.objectives.autoencoder import squared_error
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view


class InpaintingConfig(Config):
    """Options of inpainting."""

    name: Literal["inpainting"] = "inpainting"
    """Selects inpainting (context encoders, Pathak et al. 2016, arXiv:1604.07379)."""

    area: float = Field(default=0.25, gt=0, lt=1)
    """Share of the image that the squares cover together if they do not overlap (published: 0.25)."""

    blocks: PositiveInt = 1
    """Number of hidden squares."""

    width: PositiveInt = 64
    """Channels of the decoder's smallest maps."""

    def side(self, size: int) -> int:
        """Of a square, in pixels, in a view of side `size`: half of it by default."""
        return max(1, round(size * math.sqrt(self.area / self.blocks)))


def squares(chance: Tensor, size: int, side: int) -> Tensor:
    """Squares of `side` pixels inside an image of `size`, at places that chance [B, N, 2] in [0, 1) chooses.

    Returns:
        [B, 1, S, S] bool, true in any of a sample's squares.
    """
    start = (chance * (size - side + 1)).long().unsqueeze(3)  # [B, N, 2, 1]
    place = torch.arange(size, device=chance.device)
    rows, columns = ((place >= start) & (place < start + side)).unbind(2)  # [B, N, S]
    return (rows.unsqueeze(3) & columns.unsqueeze(2)).any(dim=1, keepdim=True)


class Inpainting(Drawing):
    needs = "maps"

    def __init__(self, config: InpaintingConfig, encoder: Encoder, rows: int, size: int) -> None:
        """Raises UserError: the encoder gives no maps."""
        super().__init__()
        self.config = config
        maps = mapping(encoder, "inpainting")
        start = -(-size // maps.reduction)
        self.decoder = MapDecoder(maps.feature_dim, maps.channels, size, start, config.width)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] squared deviations of a hidden pixel.

        Raises:
            UserError: not one view, not of the size that the decoder was built for, or no maps.
        """
        x = only_view(batch, "inpainting")
        chance = self.chance.uniform(batch.index, self.config.blocks, 2)
        hidden = squares(chance, x.shape[3], self.config.side(x.shape[3])).to(x.device)
        maps = mapping(encoder, "inpainting").maps(torch.where(hidden, image_encoder(encoder).mean, x))
        target = image_encoder(encoder).standardised(x).detach()
        return Losses(squared_error(self.decoder(maps), target, hidden))
