"""Residual networks: sample -> feature.

Source: He et al. 2015 (arXiv:1512.03385); the stride of a bottleneck lies on its 3x3, as in torchvision;
the small stem is that of SimCLR on CIFAR (arXiv:2002.05709, appendix B.9).
Letters: B samples, C channels, S side in pixels, D feature size.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import MapEncoder
from components.encoders.conv import Conv2d
from components.encoders.norm import BatchNorm
from components.encoders.start import Start
from components.modalities.image.config import ImagePacking


class ResnetConfig(Config):
    """A ResNet of any size."""

    name: Literal["resnet"] = "resnet"
    """Selects a ResNet whose sizes are given here."""

    widths: tuple[PositiveInt, ...] = Field(default=(32, 64, 128), min_length=1)
    """Channels of each group of blocks; every group but the first halves the side."""

    blocks: tuple[PositiveInt, ...] = Field(default=(1, 1, 1), min_length=1)
    """Number of blocks in each group; as many entries as `widths`."""

    block: Literal["basic", "bottleneck"] = "basic"
    """`basic` (two 3x3 convolutions) or `bottleneck` (1x1, 3x3, 1x1 with four times the width)."""

    stem: Literal["small", "large"] = "small"
    """`small` (one 3x3 convolution, for images below about 64 pixels) or `large` (7x7, stride 2, then
    pooling)."""

    stem_stride: Literal[1, 2] = 1
    """Stride of the small stem; 2 makes all later layers four times cheaper."""

    zero_last: bool = False
    """Initialise every block as the identity, by a last norm of weight 0."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _as_many_blocks_as_widths(self) -> "ResnetConfig":
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"widths and blocks need one entry a group, got {len(self.widths)} and {len(self.blocks)}"
            )
        return self


class Resnet18Config(Config):
    """ResNet-18: 512 features, 11.18 million parameters with the large stem."""

    name: Literal["resnet18"] = "resnet18"
    """Selects ResNet-18."""

    stem: Literal["small", "large"] = "small"
    """`small` (one 3x3 convolution, for images below about 64 pixels) or `large` (7x7, stride 2, then
    pooling)."""

    stem_stride: Literal[1, 2] = 1
    """Stride of the small stem; 2 makes all later layers four times cheaper."""

    zero_last: bool = False
    """Initialise every block as the identity, by a last norm of weight 0."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""


class Resnet50Config(Config):
    """ResNet-50: 2048 features, 23.51 million parameters with the large stem."""

    name: Literal["resnet50"] = "resnet50"
    """Selects ResNet-50."""

    stem: Literal["small", "large"] = "small"
    """`small` (one 3x3 convolution, for images below about 64 pixels) or `large` (7x7, stride 2, then
    pooling)."""

    stem_stride: Literal[1, 2] = 1
    """Stride of the small stem; 2 makes all later layers four times cheaper."""

    zero_last: bool = False
    """Initialise every block as the identity, by a last norm of weight 0."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""


def topology(config: ResnetConfig | Resnet18Config | Resnet50Config) -> ResnetConfig:
    """The groups of blocks that a named network stands for."""
    if isinstance(config, ResnetConfig):
        return config
    deep = isinstance(config, Resnet50Config)
    return ResnetConfig(
        widths=(64, 128, 256, 512),
        blocks=(3, 4, 6, 3) if deep else (2, 2, 2, 2),
        block="bottleneck" if deep else "basic",
        **config.model_dump(exclude={"name"}),
    )


class Resnet(MapEncoder):
    def __init__(self, config: ResnetConfig | Resnet18Config | Resnet50Config, packing: ImagePacking) -> None:
        super().__init__(packing)
        config = topology(config)
        wide = 4 if config.block == "bottleneck" else 1
        self.stem = _stem(config, self.channels)
        groups, inside = [], config.widths[0]
        for number, (width, blocks) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for position in range(blocks):
                stride = 2 if number and not position else 1
                groups.append(Block(inside, width, stride, bottleneck=wide == 4))
                inside = width * wide
        self.blocks = nn.Sequential(*groups)
        self.feature_dim = inside
        first = 4 if config.stem == "large" else config.stem_stride
        self.reduction = first * 2 ** (len(config.widths) - 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if config.zero_last:
            for block in groups:
                nn.init.zeros_(block.last.weight)

    def maps(self, x: Tensor) -> Tensor:
        found: Tensor = self.blocks(self.stem(self.standardised(x)))
        return found

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """The maps after each group of blocks."""
        found = [self.stem(self.standardised(x))]
        for block in self.blocks:
            after = block(found[-1])
            if after.shape[-1] == found[-1].shape[-1]:
                found[-1] = after
            else:
                found.append(after)
        return found


class Block(nn.Module):
    """A residual block; its way round is a 1x1 convolution where the shape changes, else the input itself."""

    def __init__(self, inputs: int, width: int, stride: int, *, bottleneck: bool) -> None:
        super().__init__()
        outputs = 4 * width if bottleneck else width
        self.last = BatchNorm(outputs)
        if bottleneck:
            layers = [*_conv(inputs, width, 1, 1), nn.ReLU(inplace=True), *_conv(width, width, 3, stride)]
            layers += [nn.ReLU(inplace=True), Conv2d(width, outputs, 1, bias=False)]
        else:
            layers = [*_conv(inputs, width, 3, stride), nn.ReLU(inplace=True)]
            layers += [Conv2d(width, outputs, 3, padding=1, bias=False)]
        self.body = nn.Sequential(*layers)
        changes = stride != 1 or inputs != outputs
        self.shortcut = nn.Sequential(*_conv(inputs, outputs, 1, stride)) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.last(self.body(x)) + self.shortcut(x))


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    return [Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), BatchNorm(outputs)]


def _stem(config: ResnetConfig, channels: int) -> nn.Sequential:
    large = config.stem == "large"
    layers = [
        *_conv(channels, config.widths[0], 7 if large else 3, 2 if large else config.stem_stride),
        nn.ReLU(inplace=True),
    ]
    return nn.Sequential(*layers, *([nn.MaxPool2d(3, stride=2, padding=1)] if large else []))
