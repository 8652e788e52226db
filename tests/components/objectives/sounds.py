"""Tiny sounds for the objectives of waveforms and spectrograms."""

import torch

from components.encoders import build_encoder
from components.encoders.sound_vit import SoundVitConfig
from components.encoders.sound_wave import SoundWaveConfig
from components.modalities.sound.config import SoundConfig, SoundPacking

PACKING = SoundPacking(read_as=SoundConfig(rate=8_000, seconds=0.41))
VIT = SoundVitConfig(mels=16, patch=8, width=16, depth=2, heads=2)
WAVE = SoundWaveConfig(channels=8, width=16, depth=1, heads=2, reach=4, groups=2)


def sounds(rows=6, seed=0, shortest=0.5, length=PACKING.length):
    """[rows, 1, length] tones in noise of unequal length, NaN behind their end."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(length) / PACKING.rate
    pitch, share = torch.rand(2, rows, 1, 1, generator=generator)
    tone = 0.3 * torch.sin(2 * torch.pi * (200 + 2000 * pitch) * time)
    noisy = tone + 0.05 * torch.randn(rows, 1, length, generator=generator)
    ends = (length * (shortest + (1 - shortest) * share)).long()
    return noisy.masked_fill(torch.arange(length) >= ends, torch.nan)


def make(objective, config, encoder=WAVE, seed=0):
    torch.manual_seed(seed)
    built = build_encoder(encoder, PACKING)
    return built, objective(config, built, 24, PACKING.length)
