"""Encoders of sounds that see a spectrogram: what they share.

Letters: B samples, C channels, T values of a view, M mel bands, F frames, D feature size.
"""

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.errors import UserError
from components.modalities.sound.augment import lengths_of
from components.modalities.sound.config import SoundPacking
from components.modalities.sound.log_mel import LogMel

MIDDLE, SPREAD = -20.0, 20.0  # dB, of recordings that reach full scale: brings most values between -2 and 2


class SpectrumConfig(Config):
    """The log-mel spectrogram that an encoder sees."""

    mels: int = Field(default=64, ge=4, le=512)
    """Number of mel bands."""

    window: PositiveFloat = 0.025
    """Length of a frame in seconds."""

    hop: PositiveFloat = 0.01
    """Distance between two frames in seconds."""

    low: NonNegativeFloat = 50.0
    """Lowest frequency in Hz."""

    high: PositiveFloat | None = None
    """Highest frequency in Hz; null: half the rate."""

    @model_validator(mode="after")
    def _ordered(self) -> "SpectrumConfig":
        if self.high is not None and self.high <= self.low:
            raise ValueError(f"high must be above low, got {self.high:g} and {self.low:g} Hz")
        return self


class SpectrumEncoder(Encoder):
    """[B, C, T] waveforms, NaN is padding -> features [B, D] of their log-mel spectrograms. channels: C. bands: M."""

    modality = "sound"

    def __init__(self, config: SpectrumConfig, packing: SoundPacking) -> None:
        """Raises UserError: frequencies that sounds of this rate do not have."""
        super().__init__(packing)
        high = config.high or packing.rate / 2
        if not config.low < high <= packing.rate / 2:
            raise UserError(
                "value-out-of-range",
                f"low and high must lie in 0 to {packing.rate / 2:g} Hz, half of modality.rate, got {config.low:g}"
                f" and {high:g}",
            )
        self.channels, self.bands = packing.channels, config.mels
        self.log_mel = LogMel(
            packing.rate, bands=config.mels, window=config.window, hop=config.hop, low=config.low, high=high
        )

    def spectrum(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, T] -> dB brought near mean 0 and deviation 1, 0 at padding, [B, C, M, F]; and [B, F] bool, true where
        a frame is of the sound."""
        found = (self.log_mel(view.nan_to_num(nan=0.0)) - MIDDLE) / SPREAD
        inside = torch.arange(found.shape[3], device=view.device) < self.log_mel.frames(
            lengths_of(view)
        ).unsqueeze(1)
        return found * inside[:, None, None].to(found.dtype), inside


def over_time(maps: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """[B, D, F] -> mean and maximum [B, D] over the frames that are `inside` [B, F]."""
    there = inside.unsqueeze(1)
    mean = (maps * there.to(maps.dtype)).sum(dim=2) / there.sum(dim=2).clamp(min=1).to(maps.dtype)
    return mean, maps.masked_fill(~there, torch.finfo(maps.dtype).min).amax(dim=2)
