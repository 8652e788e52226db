"""Dilated convolutions over a series: a token for each time step, their maximum as the feature.

Source: the encoder of TS2Vec (Yue et al. 2022, arXiv:2106.10466, section 3.2; github.com/zhihanyue/ts2vec,
models/dilated_conv.py): a linear layer on each step, residual blocks of two convolutions of size 3 whose dilation
doubles, maximum over time.
Differs: a gap is marked by an input of its own instead of a latent of zeros, channel by channel; what is behind the end
is 0 before every convolution, so that a series gives the same alone and in a batch; optionally causal.
Letters: B samples, C channels, T time steps, H hidden size, E token size.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.series import SeriesEncoder
from components.modalities.series.config import SeriesPacking


class SeriesConvConfig(Config):
    """Residual blocks of dilated convolutions."""

    name: Literal["series_conv"] = "series_conv"
    """Selects dilated convolutions over series (Yue et al. 2022)."""

    hidden: PositiveInt = 64
    """Channels of the blocks (published: 64)."""

    width: PositiveInt = 128
    """Size of a token and of the feature (published: 320)."""

    depth: int = Field(default=6, ge=1, le=16)
    """Blocks before the last one; block i has the dilation 2^i (published: 10)."""

    kernel: int = Field(default=3, ge=2)
    """Size of the convolutions (published: 3)."""

    pool: Literal["max", "mean"] = "max"
    """What the feature is of the tokens (published: max)."""

    causal: bool = False
    """A token sees the steps up to its own alone, as forecast and cpc need it."""


class SeriesConv(SeriesEncoder):
    """[B, C, T] -> [B, E]."""

    def __init__(self, config: SeriesConvConfig, packing: SeriesPacking) -> None:
        super().__init__(packing)
        self.config, self.causal = config, config.causal
        self.feature_dim = self.token_dim = config.width
        self.enter = nn.Conv1d(2 * packing.channels, config.hidden, 1)
        depth, sizes = config.depth, [config.hidden] * (config.depth + 1) + [config.width]
        self.blocks = nn.ModuleList(
            [
                Block(
                    sizes[place : place + 2],
                    config.kernel,
                    2**place,
                    causal=config.causal,
                    last=place == depth,
                )
                for place in range(depth + 1)
            ]
        )

    def tokens(self, view: Tensor) -> Tensor:
        return self.maps(view, self.padding(view)).transpose(1, 2)

    def maps(self, view: Tensor, padding: Tensor) -> Tensor:
        """[B, E, T], 0 behind the end."""
        values, gone = self.standardised(view)
        inside = (~padding).unsqueeze(1).to(values.dtype)
        x = self.enter(torch.cat([values, gone.to(values.dtype)], dim=1))
        for block in self.blocks:
            x = block(x, inside)
        found: Tensor = x * inside
        return found

    def forward(self, x: Tensor) -> Tensor:
        padding = self.padding(x)
        maps = self.maps(x, padding)
        if self.config.pool == "mean":
            return maps.sum(dim=2) / (~padding).sum(dim=1, keepdim=True).clamp(min=1)
        lowest = torch.finfo(maps.dtype).min
        found = maps.masked_fill(padding.unsqueeze(1), lowest).amax(dim=2)
        return found.masked_fill(padding.all(dim=1, keepdim=True), 0.0)


class Block(nn.Module):
    """[B, H, T] -> [B, H', T]: two convolutions, each after a GELU, added to what came in."""

    def __init__(self, sizes: list[int], kernel: int, dilation: int, *, causal: bool, last: bool) -> None:
        """sizes: channels that come in and go out."""
        super().__init__()
        inputs, outputs = sizes
        reach = dilation * (kernel - 1)
        self.around = (reach, 0) if causal else (reach // 2, reach - reach // 2)
        self.first = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)
        self.second = nn.Conv1d(outputs, outputs, kernel, dilation=dilation)
        self.past = nn.Conv1d(inputs, outputs, 1) if last or inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """inside: [B, 1, T], 0 behind the end, else 1."""
        y = self.first(F.pad(F.gelu(x) * inside, self.around))
        y = self.second(F.pad(F.gelu(y) * inside, self.around))
        found: Tensor = self.past(x) + y
        return found
