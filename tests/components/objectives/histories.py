"""Tiny histories for the objectives of histories."""

import torch

from components.encoders import build_encoder
from components.encoders.history_transformer import HistoryTransformerConfig
from components.modalities.events.config import FIRST, EventsConfig, EventsPacking

CAUSAL = HistoryTransformerConfig(width=12, depth=1, window=6, dropout=0.0)
BOTH = HistoryTransformerConfig(width=12, depth=1, window=6, dropout=0.0, causal=False)
ITEMS = 7
PACKING = EventsPacking(read_as=EventsConfig(length=10), items=tuple(f"item {k}" for k in range(ITEMS)))


def events(rows=8, seed=0, shortest=3):
    """[rows, 10] with other lengths: each item is followed by the next one, now and then by another."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(ITEMS, (rows, 1), generator=generator)
    odd = torch.randint(ITEMS, (rows, 10), generator=generator)
    view = (first + torch.arange(10)) % ITEMS
    view = torch.where(torch.rand(rows, 10, generator=generator) < 0.1, odd, view) + FIRST
    lengths = torch.randint(shortest, 11, (rows, 1), generator=generator)
    return view.masked_fill(torch.arange(10) >= lengths, 0)


def make(objective, config, encoder=CAUSAL, seed=0):
    torch.manual_seed(seed)
    built = build_encoder(encoder, PACKING)
    return built, objective(config, built, 24, PACKING.length)
