"""Location: tell at which of the eight places around a patch of the image another patch lies.

Source: Doersch et al. 2015 (arXiv:1505.05192), section 3: a gap between the patches and jitter of both, so
that edges do not continue; one network for both, their features side by side.
Published: patches of 96 pixels, 48 between them, jitter of 7, in images of 150,000 pixels and more. Here the
same proportion in 36 pixels: 8, 4 and 1.
A view of any size will do: one that is smaller than three patches with gaps around them (or with gaps between them and
jitter, where that is more) is enlarged to that side, 36 pixels by default; a larger one stays as it is.
Differs: all nine places lie inside the view, so that where the first patch lies does not tell where the
second can be; patches are levelled (mean and deviation) instead of losing two of three colours.
Letters: B samples on this rank, C channels, S side, P side of a patch, D feature size.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.objectives.base import Batch, Losses, ViewSpec
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.tiles import cut, enlarged, tile_features
from components.precision import at_least_float32

PLACES = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))  # (down, right), in cells


class LocationConfig(Config):
    """Options of relative location."""

    name: Literal["location"] = "location"
    """Selects relative location (context prediction, Doersch et al. 2015, arXiv:1505.05192)."""

    patch: PositiveInt = 8
    """Side of a patch in pixels (published: 96, for large images)."""

    gap: NonNegativeInt = 4
    """Pixels between two patches (published: 48, for large images)."""

    jitter: NonNegativeInt = 1
    """Largest random shift of each patch in pixels (published: 7, for large images)."""

    hidden: PositiveInt | None = None
    """Width of the head's hidden layer; null: the feature size."""

    @property
    def smallest(self) -> int:
        """Side that a view is enlarged to where it is smaller, in pixels."""
        return 3 * self.patch + 2 * self.gap + max(self.gap, 2 * self.jitter)

    def room(self, size: int) -> int:
        """What is left of a view of side `size` beside three patches, the gaps and the jitter, in pixels."""
        return size - 3 * self.patch - 2 * self.gap - 2 * self.jitter


def corners(place: Tensor, chance: Tensor, config: LocationConfig, size: int) -> tuple[Tensor, Tensor]:
    """Where the middle patch and its neighbour begin in a view of side `size`, which is config.smallest or more.

    Args:
        place: [B] int64, a number in PLACES.
        chance: [B, 3, 2] in [0, 1): of the whole, the first and the second patch, each of height and width.

    Returns:
        top, left: [B, 2] int64 in pixels, the middle patch first.
    """
    step = config.patch + config.gap
    whole = (
        (chance[:, :1] * (config.room(size) + 1)).long() + config.jitter + step
    )  # of the middle, [B, 1, 2]
    jitter = (chance[:, 1:] * (2 * config.jitter + 1)).long() - config.jitter  # [B, 2, 2]
    beside = torch.tensor(PLACES, device=place.device)[place] * step  # [B, 2]
    found = whole + jitter + torch.stack([torch.zeros_like(beside), beside], dim=1)
    return found[..., 0], found[..., 1]


class Location(Drawing):
    needs = "image"
    views: ViewSpec = (("global", 1),)

    def __init__(self, config: LocationConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        width = encoder.feature_dim
        self.head: nn.Module = mlp_head(2 * width, config.hidden or width, len(PLACES))

    @property
    def collapse_loss(self) -> float:
        """ln 8: the loss of an encoder that gives every patch the same feature."""
        return math.log(len(PLACES))

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats.

        Raises:
            UserError: not one view.
        """
        x, index = enlarged(only_view(batch, "location"), self.config.smallest), batch.index
        place = (self.chance.uniform(index, stream=1) * len(PLACES)).long()
        top, left = corners(place, self.chance.uniform(index, 3, 2), self.config, x.shape[3])
        patches = cut(x, top, left, self.config.patch)
        scores = self.head(tile_features(encoder, patches))
        return Losses(F.cross_entropy(at_least_float32(scores), place.to(x.device)))
