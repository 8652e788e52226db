"""Tiny texts for the objectives that predict tokens."""

import torch

from components.encoders import build_encoder
from components.encoders.text_bag import TextBagConfig
from components.encoders.text_transformer import TextTransformerConfig
from components.modalities.text.tokenizer import CLS, PAD
from tests.components.modalities.text.toys import VOCABULARY, packing

PACKING = packing()
V = len(VOCABULARY)
BAG = TextBagConfig(width=12, hidden=8)
TRANSFORMER = TextTransformerConfig(width=12, depth=1, heads=2)
CAUSAL = TextTransformerConfig(width=12, depth=1, heads=2, causal=True)


def texts(rows=6, width=10, seed=0, shortest=4):
    """[rows, width]: CLS, pieces, padding."""
    generator = torch.Generator().manual_seed(seed)
    view = torch.randint(5, V, (rows, width), generator=generator)
    lengths = torch.randint(shortest, width + 1, (rows, 1), generator=generator)
    view = view.masked_fill(torch.arange(width) >= lengths, PAD)
    view[:, 0] = CLS
    return view


def make(objective, config, encoder=TRANSFORMER, seed=0):
    torch.manual_seed(seed)
    built = build_encoder(encoder, PACKING)
    return built, objective(config, built, 24, PACKING.length)


def spied(monkeypatch, module, name):
    """What the module's method was given first, at each call; it does as before."""
    seen, method = [], getattr(module, name)

    def wrapped(*given, **named):
        seen.append(given)
        return method(*given, **named)

    monkeypatch.setattr(module, name, wrapped)
    return seen
