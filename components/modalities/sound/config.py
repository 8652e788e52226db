"""What a recipe may say of sounds, and what is known of packed ones.

Letters: N sounds, C channels, T frames of a view.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from components.arrays import Ints
from components.config import Config
from components.modalities.base import Packing
from components.modalities.sound.packed import PackedSounds

Cut = Literal["begin", "middle", "loudest"]


class SoundConfig(Config):
    """Samples are sounds."""

    name: Literal["sound"] = "sound"
    """Selects sounds."""

    rate: int = Field(default=16_000, ge=1_000, le=192_000)
    """Frames a second that every sound is resampled to, in Hz; what is above half of it cannot be heard any more."""

    seconds: float = Field(default=2.0, gt=0, le=60)
    """Most seconds of a sound that are used; of a longer one, the part that `cut` names."""

    cut: Cut = "middle"
    """Which part of a sound longer than `seconds` is used: its beginning, its middle, or where its energy is highest
    (which reads all of it)."""

    channels: int = Field(default=1, ge=1, le=8)
    """1: the mean of a sound's channels. More: so many of its channels, from the first; of a sound that has fewer, the
    last one is repeated."""

    @property
    def length(self) -> int:
        """T: most frames of a sound."""
        return max(1, round(self.seconds * self.rate))


class SoundLimits(Config):
    """Limits on a sound; one that exceeds them is quarantined."""

    max_bytes: PositiveInt = 100_000_000
    """Largest size of a sample in bytes."""

    min_seconds: PositiveFloat = 0.02
    """Shortest duration in seconds."""

    max_seconds: PositiveFloat = 600.0
    """Longest duration in seconds. Of a sound longer than `modality.seconds` only a part is used, so a recording of
    hours is better cut into several sounds; with a higher limit it is read by blocks."""

    min_level: float = -80.0
    """Lowest peak, in dB of full scale and after its mean is taken away; below it a sound counts as silent."""

    max_clipped: float = Field(default=0.2, gt=0, le=1)
    """Largest share of the frames at full scale, beyond which a sound counts as clipped."""


class SoundPacking(Packing):
    """Packed sounds: one flat int16 array of frames [sum of lengths, C], and int64 [N + 1] where each sound begins in
    it."""

    name: Literal["sound"] = "sound"
    """Selects sounds."""

    read_as: SoundConfig
    """How the sounds were read."""

    @property
    def config(self) -> SoundConfig:
        return self.read_as

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self.read_as.rate

    @property
    def channels(self) -> int:
        """C."""
        return self.read_as.channels

    @property
    def length(self) -> int:
        """T: frames of a view."""
        return self.read_as.length

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedSounds:
        return PackedSounds.open(files, self.length, rows)

    def reads(self, other: Packing) -> bool:
        """The same rate and channels; how much of a sound is used does not matter."""
        return isinstance(other, SoundPacking) and self.rate == other.rate and self.channels == other.channels
