"""ConvNeXt: residual convolutions in the manner of a transformer; sample -> feature.

Source: Liu et al. 2022 (arXiv:2201.03545), sections 2 and A; parameters are named as in its checkpoints.
Differs: the last norm is taken of the maps, and the feature is the mean over what it gives (the paper norms
the mean), so that maps and feature agree; drop path is 0 unless asked for. No global response norm (that is
version 2).
Letters: B samples, C channels, S side in pixels, D feature size.
"""

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import MapEncoder
from components.encoders.paths import DropPath, rates
from components.encoders.start import Start
from components.modalities.image.config import ImagePacking


class ConvnextConfig(Config):
    """A ConvNeXt of any size."""

    name: Literal["convnext"] = "convnext"
    """Selects a ConvNeXt whose sizes are given here."""

    widths: tuple[PositiveInt, ...] = Field(default=(40, 80, 160), min_length=1)
    """Channels of each group of blocks; every group but the first halves the side."""

    blocks: tuple[PositiveInt, ...] = Field(default=(2, 2, 4), min_length=1)
    """Number of blocks in each group; as many entries as `widths`."""

    patch: Literal[1, 2, 4] = 2
    """Side and stride of the first convolution in pixels; 4 is published, for images of 224 pixels."""

    drop_path: float = Field(default=0.0, ge=0, lt=1)
    """Probability that the residual branch of the last block is skipped for a sample; it rises linearly from
    0 with depth."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _as_many_blocks_as_widths(self) -> "ConvnextConfig":
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"widths and blocks need one entry a group, got {len(self.widths)} and {len(self.blocks)}"
            )
        return self


class ConvnextTinyConfig(Config):
    """ConvNeXt-T: 768 features, 27.82 million parameters with patches of 4."""

    name: Literal["convnext_tiny"] = "convnext_tiny"
    """Selects ConvNeXt-T."""

    patch: Literal[1, 2, 4] = 2
    """Side and stride of the first convolution in pixels; 4 is published, for images of 224 pixels."""

    drop_path: float = Field(default=0.0, ge=0, lt=1)
    """Probability that the residual branch of the last block is skipped for a sample; it rises linearly from
    0 with depth."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""


def convnext_topology(config: ConvnextConfig | ConvnextTinyConfig) -> ConvnextConfig:
    """The groups of blocks that a named network stands for."""
    if isinstance(config, ConvnextConfig):
        return config
    return ConvnextConfig(
        widths=(96, 192, 384, 768), blocks=(3, 3, 9, 3), **config.model_dump(exclude={"name"})
    )


class Convnext(MapEncoder):
    def __init__(self, config: ConvnextConfig | ConvnextTinyConfig, packing: ImagePacking) -> None:
        super().__init__(packing)
        config = convnext_topology(config)
        widths = config.widths
        self.feature_dim, self.reduction = widths[-1], config.patch * 2 ** (len(widths) - 1)
        first = nn.Conv2d(self.channels, widths[0], config.patch, stride=config.patch)
        self.downsample_layers = nn.ModuleList([nn.Sequential(first, MapNorm(widths[0]))])
        for before, after in pairwise(widths):
            halve = nn.Conv2d(before, after, 2, stride=2)
            self.downsample_layers.append(nn.Sequential(MapNorm(before), halve))
        drops = iter(rates(config.drop_path, sum(config.blocks)))
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width, next(drops)) for _ in range(blocks)))
            for width, blocks in zip(widths, config.blocks, strict=True)
        )
        self.norm = MapNorm(widths[-1])
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def maps(self, x: Tensor) -> Tensor:
        return self.pyramid(x)[-1]

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """The maps after each stage, the last one normed."""
        x = self.standardised(x)
        odd = [-side % self.reduction for side in x.shape[:1:-1]]
        x = F.pad(x, (0, odd[0], 0, odd[1]))  # sides that cannot be halved so often; 0 is the mean pixel
        found = []
        for smaller, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(smaller(x))
            found.append(x)
        return [*found[:-1], self.norm(x)]


class Block(nn.Module):
    """[B, D, h, w] -> the same: 7x7 by channel, norm, four times wider and back, scaled, added."""

    def __init__(self, width: int, drop_path: float) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))
        self.drop = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        inner = self.gamma * self.pwconv2(F.gelu(self.pwconv1(inner)))
        found: Tensor = x + self.drop(inner.permute(0, 3, 1, 2))
        return found


class MapNorm(nn.LayerNorm):
    """[B, D, h, w]: layer norm over the D channels of each place."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
