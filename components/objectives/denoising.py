"""Denoising autoencoder: say the clean image from the feature of a spoiled one.

Source: Vincent et al. 2010 (JMLR 11, 3371-3408), section 3: a share of the input set to 0 (masking noise) and
Gaussian noise, here both at once; squared error over the whole image (alpha = beta).
Published choices: masked .1, .25 or .4 and deviations .05 to .5 on pixels in [0, 1].
Differs: a pixel is hidden in all channels together, and becomes the data's mean rather than black.
Letters: B samples on this rank, C channels, S side, D feature size.
"""

from typing import Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder, image_encoder
from components.encoders.decoder import FeatureDecoder
from components.objectives.autoencoder import squared_error
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view


class DenoisingConfig(Config):
    """Options of the denoising autoencoder."""

    name: Literal["denoising"] = "denoising"
    """Selects the denoising autoencoder (Vincent et al. 2010)."""

    noise: NonNegativeFloat = 0.1
    """Standard deviation of the Gaussian noise, on pixels in [0, 1] (published: 0.05 to 0.5)."""

    masked: float = Field(default=0.25, ge=0, lt=1)
    """Share of the pixels that are hidden (published: 0.1, 0.25 or 0.4)."""

    width: PositiveInt = 64
    """Channels of the decoder's smallest maps."""


def spoiled(x: Tensor, noise: Tensor, hidden: Tensor, fill: Tensor) -> Tensor:
    """x + noise, and `fill` where a pixel is hidden; not clamped.

    x, noise: [B, C, S, S]. hidden: [B, 1, S, S] bool. fill: [1, C, 1, 1].
    """
    return torch.where(hidden, fill, x + noise)


class Denoising(Drawing):
    needs = "image"

    def __init__(self, config: DenoisingConfig, encoder: Encoder, rows: int, size: int) -> None:
        super().__init__()
        self.config = config
        self.decoder = FeatureDecoder(
            encoder.feature_dim, image_encoder(encoder).channels, size, config.width
        )

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] squared deviations of a pixel.

        Raises:
            UserError: not one view, or not of the size that the decoder was built for.
        """
        x, index = only_view(batch, "denoising"), batch.index
        noise = self.config.noise * self.chance.normal(index, *x.shape[1:])
        hidden = self.chance.uniform(index, 1, *x.shape[2:], stream=1) < self.config.masked
        corrupt = spoiled(x, noise.to(x.device, x.dtype), hidden.to(x.device), image_encoder(encoder).mean)
        target = image_encoder(encoder).standardised(x).detach()
        return Losses(squared_error(self.decoder(encoder(corrupt)), target))
