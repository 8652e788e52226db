"""Views of sounds: a whole batch at once, in plain torch, on the device of the batch.

Sources: parts of a sound: COLA (Saeed et al. 2021, arXiv:2010.10915); gain, noise and speed: CLAR (Al-Tahan &
Mohsenzadeh 2021, arXiv:2010.09542); spans and bands left out: SpecAugment (Park et al. 2019, arXiv:1904.08779), here of
the waveform, as WavAugment does (Kharitonov et al. 2020, arXiv:2007.00991), so that every encoder sees them.
Noise has a random colour from white to brown (power as 1 / f^k, k in [0, 2]); sounds of other samples are
not mixed in, for a view depends on its own sample alone.
Letters: B sounds, C channels, T frames of a view, n frames of a sound, K frequencies.
"""

import math

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, model_validator
from torch import Tensor

from components.config import Config

BROWN = 2.0  # largest exponent of the colour of noise
MELS = 2595.0  # of O'Shaughnessy's scale: 2595 log10(1 + f / 700)


class SoundView(Config):
    """How a view of a sound is made, in this order. What is not named is left as it is."""

    crop: tuple[float, float] = (1.0, 1.0)
    """Bounds of the share of a sound that is kept, as one part."""

    speed: tuple[float, float] = (1.0, 1.0)
    """Bounds of the speed at which it is played, which moves its pitch, too."""

    gain: NonNegativeFloat = 0.0
    """Largest change of its level in dB, up or down."""

    noise: tuple[float, float] | None = None
    """Bounds of the ratio of signal to added noise, in dB; null: none is added."""

    spans: NonNegativeInt = 0
    """Spans of time that are silenced."""

    span: float = Field(default=0.1, gt=0, le=1)
    """Largest share of the sound that one of them covers."""

    bands: NonNegativeInt = 0
    """Bands of frequencies that are left out."""

    band: float = Field(default=0.15, gt=0, le=1)
    """Largest share of the mel scale that one of them covers."""

    @model_validator(mode="after")
    def _ordered(self) -> "SoundView":
        low, high = self.crop
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop must be [smallest, largest] in (0, 1], got {list(self.crop)}")
        if not 0.25 <= self.speed[0] <= self.speed[1] <= 4:
            raise ValueError(f"speed must be [slowest, fastest] in [0.25, 4], got {list(self.speed)}")
        if self.noise is not None and self.noise[0] > self.noise[1]:
            raise ValueError(f"noise must be [lowest, highest] ratio in dB, got {list(self.noise)}")
        return self


def augment(view: Tensor, how: SoundView, length: int, rate: int, generator: torch.Generator) -> Tensor:
    """[B, C, T] -> [B, C, length]: see SoundView. length: of the view, NaN behind what a sound fills."""
    numbers = _Draws(len(view), generator, view.device)
    if how.crop[0] < 1 or how.speed != (1.0, 1.0) or view.shape[2] != length:
        share, place, speed = numbers.between(*how.crop), numbers.between(0, 1), numbers.between(*how.speed)
        view = played(view, share, place, speed, length)
    beyond = view.isnan()
    sound = view.masked_fill(beyond, 0)
    if how.gain:
        sound = sound * 10 ** (numbers.between(-how.gain, how.gain) / 20).view(-1, 1, 1)
    if how.noise is not None or how.bands:
        sound = _filtered(sound, ~beyond[:, 0], how, rate, numbers)
    if how.spans:
        sound = silenced(sound, beyond, numbers.uniform(how.spans, 2), how.span)
    return sound.masked_fill(beyond, torch.nan)


class _Draws:
    """Random numbers, as many for each sample whatever the others are."""

    def __init__(self, samples: int, generator: torch.Generator, device: torch.device) -> None:
        self.samples, self.generator, self.device = samples, generator, device

    def uniform(self, *shape: int) -> Tensor:
        """[B, *shape] in [0, 1)."""
        size = (self.samples, *shape)
        return torch.rand(size, generator=self.generator, device=self.generator.device).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        """[B, *shape]."""
        size = (self.samples, *shape)
        return torch.randn(size, generator=self.generator, device=self.generator.device).to(self.device)

    def between(self, low: float, high: float) -> Tensor:
        """[B] in [low, high)."""
        return low + (high - low) * self.uniform()


def lengths_of(view: Tensor) -> Tensor:
    """[B, C, T] -> [B] int64: frames of each sound."""
    return (~view[:, 0].isnan()).sum(dim=1)


def played(view: Tensor, share: Tensor, place: Tensor, speed: Tensor, length: int) -> Tensor:
    """[B, C, T] -> [B, C, length]: the part of share * n frames, rounded to 1 or more, that begins at `place` of the
    places there are, read at `speed` by linear interpolation.

    share: [B] in (0, 1]. place: [B] in [0, 1). speed: [B]. 0 1 2 3 4 5 6 7 at .5, .5, 2 gives 2 4.
    """
    n = lengths_of(view)
    kept = (share * n).round().clamp(min=1).long()
    first = (place * (n - kept + 1).clamp(min=1)).long()
    position = torch.arange(length, device=view.device) * speed.unsqueeze(1)  # [B, length]
    inside = position <= (kept - 1).unsqueeze(1)
    whole = position.floor()
    begin = first.unsqueeze(1) + whole.long()
    last = (first + kept - 1).clamp(max=view.shape[2] - 1).unsqueeze(1)
    now, then = (
        torch.minimum(begin + step, last).unsqueeze(1).expand(-1, view.shape[1], -1) for step in (0, 1)
    )
    filled = view.nan_to_num(nan=0.0)
    found = torch.lerp(filled.gather(2, now), filled.gather(2, then), (position - whole).unsqueeze(1))
    return found.masked_fill(~(inside & (n > 0).unsqueeze(1)).unsqueeze(1), torch.nan)


def silenced(sound: Tensor, beyond: Tensor, numbers: Tensor, largest: float) -> Tensor:
    """Zero in spans of numbers[:, i, 0] * largest * n frames, beginning at numbers[:, i, 1] of the places there are.

    sound: [B, C, T]. beyond: [B, C, T] bool, true behind its end. numbers: [B, spans, 2] in [0, 1).
    """
    n = (~beyond[:, 0]).sum(dim=1, keepdim=True)
    size = (numbers[..., 0] * largest * n).long()
    first = (numbers[..., 1] * (n - size + 1)).long()
    at = torch.arange(sound.shape[2], device=sound.device)
    covered = (at >= first.unsqueeze(2)) & (at < (first + size).unsqueeze(2))
    return sound.masked_fill(covered.any(dim=1).unsqueeze(1), 0)


def _filtered(sound: Tensor, inside: Tensor, how: SoundView, rate: int, numbers: _Draws) -> Tensor:
    """With noise, and without bands. sound: [B, C, T], 0 behind its end. inside: [B, T] bool."""
    size = transformed(sound.shape[2])
    spectrum: Tensor = torch.fft.rfft(sound, size)
    if how.noise is not None:
        colour, ratio = numbers.between(0, BROWN), numbers.between(*how.noise)
        noise = coloured(numbers.normal(sound.shape[1], sound.shape[2]), colour, size)
        heard = torch.fft.irfft(noise, size)[..., : sound.shape[2]] * inside.unsqueeze(1)
        scale = loudness(sound, inside) / loudness(heard, inside).clamp(min=1e-12) * 10 ** (-ratio / 20)
        spectrum = spectrum + noise * scale.view(-1, 1, 1)
    if how.bands:
        spectrum = spectrum * without_bands(numbers.uniform(how.bands, 2), how.band, spectrum.shape[2], rate)
    found: Tensor = torch.fft.irfft(spectrum, size)
    return found[..., : sound.shape[2]]


def loudness(sound: Tensor, inside: Tensor) -> Tensor:
    """[B] root of the mean square over the frames that are `inside` [B, T] and all channels of [B, C, T]."""
    total = (sound.square() * inside.unsqueeze(1)).sum(dim=(1, 2))
    return (total / (inside.sum(dim=1) * sound.shape[1]).clamp(min=1)).sqrt()


def coloured(white: Tensor, exponent: Tensor, size: int) -> Tensor:
    """[B, C, T] white noise -> [B, C, K] the spectrum of noise whose power falls as 1 / f^exponent [B]."""
    spectrum = torch.fft.rfft(white, size)
    frequency = torch.arange(spectrum.shape[2], device=white.device).clamp(min=1)
    shaped: Tensor = spectrum * frequency.pow(-exponent.unsqueeze(1) / 2).unsqueeze(1)
    return shaped


def without_bands(numbers: Tensor, largest: float, frequencies: int, rate: int) -> Tensor:
    """[B, 1, K] factors: 0 in bands of numbers[:, i, 0] * largest of the mel scale, that begin at numbers[:, i, 1] of
    the places there are; else 1. numbers: [B, bands, 2] in [0, 1)."""
    frequency = torch.linspace(0, rate / 2, frequencies, device=numbers.device)
    mel = (MELS * torch.log10(1 + frequency / 700)) / (MELS * math.log10(1 + rate / 1400))  # 0 to 1
    wide = numbers[..., 0] * largest
    first = (numbers[..., 1] * (1 - wide)).unsqueeze(2)
    inside = (mel >= first) & (mel < first + wide.unsqueeze(2))
    return (~inside.any(dim=1)).to(numbers.dtype).unsqueeze(1)


def transformed(length: int) -> int:
    """A length of small factors, `length` or up to an eighth longer: of a Fourier transform that is fast."""
    step = 1 << max(0, length.bit_length() - 4)
    return -(-length // step) * step
