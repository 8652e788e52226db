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
MAX_CHANNELS = 32
Kind = Literal["uint8", "uint16", "int16", "float16", "float32"]  # of the values of a packed array


class ImageConfig(Config):
    """Samples are images."""

    name: Literal["image"] = "image"
    """Selects images."""

    size: int = Field(default=32, ge=8, le=1024)
    """Side in pixels to which samples are resized."""

    channels: int = Field(default=3, ge=1, le=MAX_CHANNELS)
    """1 for grey, 3 for colour, any other number for bands or stains; see `keep`."""

    range: tuple[float, float] | None = None
    """Values that become black and white, for samples of more than 8 bits a channel (grey integers of 16 or
    32 bits, floats, colour of 16 bits); null: found from the first of them (with `keep`, for each channel)."""

    keep: bool = False
    """Whether values of more than 8 bits are stored as they are (uint16, int16, float16 or float32, as in the recipe's
    first snapshot) and scaled by `range` or `window` in views; false: they are brought to 8 bits when they are packed.
    Always so with a window and with other than 1 or 3 channels."""

    window: tuple[float, float] | None = None
    """[centre, width] of the values from black to white, in place of `range`: [40, 400] for soft tissue in Hounsfield
    units. Values are stored as they are; those outside of the window become black or white in views."""

    frames: PositiveInt | None = None
    """Every so many-th frame of a DICOM file, page of a TIFF and frame of a video is a sample; those of one file are in
    one split. Null: a file is a sample, of its first frame (with `keep`, frames are the channels where there are
    `channels` of them), and videos are not read."""

    @model_validator(mode="after")
    def _ordered(self) -> "ImageConfig":
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range must be [lowest, highest], got {list(self.range)}")
        if self.window is not None and (self.range is not None or self.window[1] <= 0):
            raise ValueError(
                f"window must be [centre, width] with a width above 0 and no range beside it, got window "
                f"{list(self.window)} and range {None if self.range is None else list(self.range)}"
            )
        return self

    @property
    def kept(self) -> bool:
        """Whether values are stored as they are."""
        return self.keep or self.window is not None or self.channels not in (1, 3)

    @property
    def ends(self) -> tuple[float, float] | None:
        """The values that become black and white, by range or window; None: they are found."""
        if self.window is None:
            return self.range
        centre, width = self.window
        return centre - width / 2, centre + width / 2


class ImageLimits(Config):
    """Limits on an image file; one that exceeds them is quarantined."""

    max_bytes: PositiveInt = 32 * 1024**2
    """Largest size of the encoded file in bytes."""

    max_pixels: int = Field(default=50_000_000, ge=1, le=MAX_PIXELS)
    """Largest width times height in pixels."""

    min_side: PositiveInt = 4
    """Smallest width and height in pixels."""

    burnt_in: bool = False
    """Whether DICOM images are taken that are marked as having text in their pixels (BurnedInAnnotation is YES), which
    may name the patient."""


class ImagePacking(Packing):
    """Packed images [N, C, S, S]: uint8, or of another type where values of more than 8 bits are kept."""

    name: Literal["image"] = "image"
    """Selects images."""

    size: PositiveInt
    """S: side in pixels."""

    channels: PositiveInt
    """C: 1 for grey, 3 for colour, any other for bands."""

    mean: tuple[float, ...]
    """Mean of each channel over the training samples, of pixels in [0, 1]."""

    std: tuple[float, ...]
    """Standard deviation of each channel; 1 for a constant one."""

    range: tuple[float, float] | None = None
    """Values that became black and white, of samples of more than 8 bits a channel; null: there were none."""

    kind: Kind = "uint8"
    """Type of the values."""

    scale: tuple[tuple[float, float], ...] | None = None
    """Values that become 0 and 1 in views, of each channel, where values are kept; null: 0 and 255."""

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedArray:
        return PackedArray.open(files[ARRAY], rows)

    def reads(self, other: Packing) -> bool:
        """The range matters only where both have one: without it there was no grey of more than 8 bits. Of kept values
        the scale matters, not their type."""
        if not isinstance(other, ImagePacking) or (self.size, self.channels) != (other.size, other.channels):
            return False
        if self.scale != other.scale:
            return False
        return None in (self.range, other.range) or self.range == other.range

    @property
    def config(self) -> ImageConfig:
        """How further samples are decoded like these."""
        return ImageConfig(
            size=self.size, channels=self.channels, range=self.range, keep=self.scale is not None
        )


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
