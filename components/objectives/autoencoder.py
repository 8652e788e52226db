"""Autoencoder: say the image again from its feature alone.

Source: Hinton & Salakhutdinov 2006 (doi:10.1126/science.1127647), without the layerwise beginning.
The feature is the bottleneck, so that what is kept is what the image is made of again; any encoder will do.
Pixels are compared as the encoder standardises them: an image said to be the data's mean costs 1 on average.
Letters: B samples on this rank, C channels, S side, D feature size.
"""

from typing import Literal

from pydantic import PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder, image_encoder
from components.encoders.decoder import FeatureDecoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Single, only_view
from components.precision import at_least_float32


class AutoencoderConfig(Config):
    """Options of the autoencoder."""

    name: Literal["autoencoder"] = "autoencoder"
    """Selects the autoencoder (Hinton & Salakhutdinov 2006)."""

    width: PositiveInt = 64
    """Channels of the decoder's smallest maps."""


def squared_error(prediction: Tensor, target: Tensor, where: Tensor | None = None) -> Tensor:
    """Mean over samples of each sample's mean squared error.

    Args:
        prediction, target: [B, C, S, S].
        where: [B, 1, S, S] bool, the pixels that count, at least one a sample; all of them where None.

    Returns:
        [], float32 or wider; 4 where every value is off by 2.

    Raises:
        UserError: the shapes differ.
    """
    if prediction.shape != target.shape:
        raise UserError(
            "view-size-refused",
            f"an image is compared with one of the same shape, got {list(prediction.shape)} and "
            f"{list(target.shape)}; the objective's `size` has to be the side of its views",
        )
    each = (at_least_float32(prediction) - at_least_float32(target)).square().mean(dim=1)  # [B, S, S]
    if where is None:
        return each.mean()
    counts = where[:, 0].to(each.dtype)
    return ((each * counts).sum(dim=(1, 2)) / counts.sum(dim=(1, 2))).mean()


class Autoencoder(Single):
    needs = "image"

    def __init__(self, config: AutoencoderConfig, encoder: Encoder, rows: int, size: int) -> None:
        super().__init__()
        self.decoder = FeatureDecoder(
            encoder.feature_dim, image_encoder(encoder).channels, size, config.width
        )

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] squared deviations of a pixel.

        Raises:
            UserError: not one view, or not of the size that the decoder was built for.
        """
        x = only_view(batch, "autoencoder")
        target = image_encoder(encoder).standardised(x).detach()
        return Losses(squared_error(self.decoder(encoder(x)), target))
