"""Tiny series for the objectives of series."""

import torch

from components.encoders import build_encoder
from components.encoders.series_conv import SeriesConvConfig
from tests.components.modalities.series.toys import packing

CONV = SeriesConvConfig(hidden=8, width=12, depth=2)
CAUSAL = SeriesConvConfig(hidden=8, width=12, depth=2, causal=True)
PACKING = packing(2, length=16, mean=[1.0, -2.0], std=[2.0, 0.5])


def series(rows=8, steps=16, seed=0, shortest=9):
    """[rows, 2, steps] with other lengths and a few gaps."""
    generator = torch.Generator().manual_seed(seed)
    view = torch.randn(rows, 2, steps, generator=generator) * torch.tensor([[2.0], [0.5]]) + torch.tensor(
        [[1.0], [-2.0]]
    )
    lengths = torch.randint(shortest, steps + 1, (rows, 1, 1), generator=generator)
    gaps = torch.rand(view.shape, generator=generator) < 0.05
    return view.masked_fill((torch.arange(steps) >= lengths) | gaps, torch.nan)


def make(objective, config, encoder=CONV, seed=0):
    torch.manual_seed(seed)
    built = build_encoder(encoder, PACKING)
    return built, objective(config, built, 24, PACKING.length)
