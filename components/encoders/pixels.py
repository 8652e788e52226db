"""The pixels themselves as features, so that a linear model on pixels is a model like any other.

It has nothing to learn: it is served, never trained. Letters: B samples, C channels, S side in pixels.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import PositiveInt
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from components.config import Config
from components.encoders.base import Encoder


class PixelsConfig(Config):
    """side: larger images are averaged down to it."""

    name: Literal["pixels"] = "pixels"
    side: PositiveInt = 32


class Pixels(Encoder):
    """[B, C, S, S] in [0, 1] -> [B, C * side * side] standardised pixels, channel by channel and row by row."""

    def __init__(
        self, config: PixelsConfig, channels: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__(channels, mean, std)
        self.side, self.feature_dim = config.side, channels * config.side**2

    def forward(self, x: Tensor) -> Tensor:
        x = self.standardised(x)
        return (adaptive_avg_pool2d(x, self.side) if x.shape[-1] > self.side else x).flatten(1)
