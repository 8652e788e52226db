"""Colour: say the hue of every place of an image from its lightness.

Source: Zhang et al. 2016 (arXiv:1603.08511), equations 2 to 4: cross-entropy over bins of the ab plane,
softly coded, rare bins counting more.
Published: bins of side 10 (313 of them), 5 nearest with deviation 5, lambda .5, weights from ImageNet's
colours; a quarter of the image's side.
Differs: 261 bins of the same side (see lab.py); the colours' shares are followed while training, for there is
no data set to count beforehand; at the side of the encoder's maps, on the mean colour of each of their cells.
The encoder sees the lightness in all of its three channels, so that it takes colour images afterwards.
Letters: B samples on this rank, S side, D channels of a map, h its side, M = B h h places, Q bins.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from components.collectives import all_reduce_sum, world
from components.config import Config
from components.encoders.base import Encoder
from components.encoders.decoder import mapping
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.cielab import gamut, rgb_to_lab, soft_codes
from components.objectives.parts.one_view import Single, only_view
from components.precision import at_least_float32


class ColourConfig(Config):
    """Options of colourisation."""

    name: Literal["colour"] = "colour"
    """Selects colourisation (Zhang et al. 2016, arXiv:1603.08511)."""

    bin: PositiveInt = Field(default=10, ge=5, le=50)
    """Side of a bin on the a and b axes of CIELAB (published: 10)."""

    even: float = Field(default=0.5, gt=0, le=1)
    """Lambda: share of the uniform distribution mixed into the colour frequencies whose inverse weights the
    loss (published: 0.5)."""

    memory: float = Field(default=0.99, ge=0, lt=1)
    """Momentum of the running colour frequencies, for each step."""


def rebalancing(shares: Tensor, even: float) -> Tensor:
    """Weights [Q] of bins with the given shares [Q], of mean 1 over those shares; all 1 where even = 1.

    Shares .9, .1 and even .5 -> .8824, 2.0588 to four places.
    """
    weights = 1 / ((1 - even) * shares + even / len(shares))
    return weights / (shares * weights).sum()


def rebalanced_cross_entropy(scores: Tensor, codes: Tensor, weights: Tensor) -> Tensor:
    """Mean over places of the cross-entropy with the soft code, times the weight of its largest bin.

    scores, codes: [M, Q]; rows of codes sum to 1. weights: [Q].

    Returns:
        [] nats; ln Q where scores and weights are constant.
    """
    each = -(codes * F.log_softmax(at_least_float32(scores), dim=1)).sum(dim=1)
    return (weights[codes.argmax(dim=1)] * each).mean()


class Colour(Single):
    needs = "maps"
    bins: Tensor  # [Q, 2]
    shares: Tensor  # [Q] of the colours seen so far, the same on every rank

    def __init__(self, config: ColourConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder is not for colour images, or gives no maps."""
        super().__init__()
        self.config = config
        if encoder.channels != 3:
            raise UserError(
                "modality-unsuitable",
                f"colour needs images of 3 channels (RGB), whose colour it hides and asks for; the encoder is "
                f"for images of {encoder.channels}; give colour images, or choose another objective (rotation)",
            )
        bins = gamut(config.bin)
        self.register_buffer("bins", bins.clone())
        self.register_buffer("shares", torch.full((len(bins),), 1 / len(bins)))
        self.top = nn.Conv2d(mapping(encoder, "colour").feature_dim, len(bins), 1)
        self._seen: Tensor | None = None

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats.

        Raises:
            UserError: not one view, or an encoder without maps.
        """
        x = only_view(batch, "colour")
        with torch.autocast(x.device.type, enabled=False):
            lab = rgb_to_lab(at_least_float32(x))
        scores = self.top(mapping(encoder, "colour").maps((lab[:, :1] / 100).expand_as(x)))
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            ab = F.adaptive_avg_pool2d(lab[:, 1:], scores.shape[2:])
            codes = soft_codes(ab.movedim(1, 3).flatten(0, 2), self.bins.to(ab.dtype), self.config.bin / 2)
            weights = rebalancing(self.shares, self.config.even)
        if self.training:
            self._seen = codes.mean(dim=0)
        return Losses(rebalanced_cross_entropy(scores.movedim(1, 3).flatten(0, 2), codes, weights))

    @torch.no_grad()
    def after_step(self, encoder: Encoder, progress: float) -> None:
        """The step's colours into the running shares."""
        super().after_step(encoder, progress)
        if self._seen is not None:
            seen = all_reduce_sum(self._seen) / world()
            self.shares.lerp_(seen.to(self.shares.dtype), 1 - self.config.memory)
            self._seen = None

    def figures(self) -> dict[str, float]:
        """How many bins the colours fill, as exp of their entropy: 3.11 for grey images
        (the softness of one code), whose task is empty."""
        return {"colours": float(torch.exp(-torch.xlogy(self.shares, self.shares).sum()))}
