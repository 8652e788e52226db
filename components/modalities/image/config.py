"""What a recipe may say of images, and what is known of packed ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from components.arrays import Ints
from components.config import Config
from components.data.packed import PackedArray
from components.modalities.base import Packing

ARRAY = "images"  # name of the only array
MAX_PIXELS = 89_000_000  # above it Pillow itself objects


class ImageConfig(Config):
    """Samples are images."""

    name: Literal["image"] = "image"
    """Selects images."""

    size: int = Field(32, ge=8, le=1024)
    """Side in pixels to which samples are resized."""

    channels: Literal[1, 3] = 3
    """1 for grey, 3 for colour."""

    range: tuple[float, float] | None = None
    """Values that become black and white, for samples of more than 8 bits a channel (grey integers of 16 or
    32 bits, floats, colour of 16 bits); null: found from the first of them."""

    @model_validator(mode="after")
    def _ordered(self) -> "ImageConfig":
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range must be [lowest, highest], got {list(self.range)}")
        return self


class ImageLimits(Config):
    """Limits on an image file; one that exceeds them is quarantined."""

    max_bytes: PositiveInt = 32 * 1024**2
    """Largest size of the encoded file in bytes."""

    max_pixels: int = Field(default=50_000_000, ge=1, le=MAX_PIXELS)
    """Largest width times height in pixels."""

    min_side: PositiveInt = 4
    """Smallest width and height in pixels."""


class ImagePacking(Packing):
    """Packed images: uint8 [N, C, S, S]."""

    name: Literal["image"] = "image"
    """Selects images."""

    size: PositiveInt
    """S: side in pixels."""

    channels: PositiveInt
    """C: 1 for grey, 3 for colour."""

    mean: tuple[float, ...]
    """Mean of each channel over the training samples, of pixels in [0, 1]."""

    std: tuple[float, ...]
    """Standard deviation of each channel; 1 for a constant one."""

    range: tuple[float, float] | None = None
    """Values that became black and white, of samples of more than 8 bits a channel; null: there were none."""

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedArray:
        return PackedArray.open(files[ARRAY], rows)

    def reads(self, other: Packing) -> bool:
        """The range matters only where both have one: without it there was no grey of more than 8 bits."""
        if not isinstance(other, ImagePacking) or (self.size, self.channels) != (other.size, other.channels):
            return False
        return None in (self.range, other.range) or self.range == other.range

    @property
    def config(self) -> ImageConfig:
        """How further samples are decoded like these."""
        return ImageConfig.model_validate({"size": self.size, "channels": self.channels, "range": self.range})


def image_packing(
    channels: int = 3,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    size: int = 32,
) -> ImagePacking:
    """What an encoder has to know of images, for use without a pipeline. mean, std: of each channel, of pixels in
    [0, 1]; left out .5 and .25."""
    return ImagePacking(
        size=size,
        channels=channels,
        mean=tuple(mean or [0.5] * channels),
        std=tuple(std or [0.25] * channels),
    )
