"""The pixels themselves as features, so that a linear model on pixels is a model like any other.

It has nothing to learn: it is served, never trained. Letters: B samples, C channels, S side in pixels.
"""

from typing import Literal

from pydantic import PositiveInt
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from components.config import Config
from components.encoders.base import ImageEncoder
from components.modalities.image.config import ImagePacking


class PixelsConfig(Config):
    """side: larger images are averaged down to it."""

    name: Literal["pixels"] = "pixels"
    side: PositiveInt = 32


class Pixels(ImageEncoder):
    """[B, C, S, S] in [0, 1] -> [B, C * side * side] the same pixels, channel by channel and row by row."""

    learnt = False

    def __init__(self, config: PixelsConfig, packing: ImagePacking) -> None:
        super().__init__(packing)
        self.side, self.feature_dim = config.side, self.channels * config.side**2

    def forward(self, x: Tensor) -> Tensor:
        return (adaptive_avg_pool2d(x, self.side) if x.shape[-1] > self.side else x).flatten(1)
