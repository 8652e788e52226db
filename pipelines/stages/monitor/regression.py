"""How predicted numbers are watched: how many fall into each of ten ranges, and their mean.

Letters: m samples.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from components.arrays import Floats
from pipelines.stages.monitor.drift import BINS, Words

RANGES = 10


class Watch:
    """predicted: name of the predictions among what a model finds, here [m]. names: of the ranges, which hold about
    equally many old samples each. words: what a page calls the counts and the level."""

    predicted = "prediction"

    def __init__(self, described: Mapping[str, Any], old: Floats) -> None:
        """described: model.json. old: predictions for old samples."""
        self.edges = np.unique(np.quantile(old, np.linspace(0, 1, RANGES + 1)[1:-1]))
        low, high = float(old.min()), float(old.max())
        self.span = (low, high) if high > low else (low - 0.5, low + 0.5)
        self.words = Words(mix="ranges", level="prediction", low=self.span[0], high=self.span[1])
        ends = [f"{edge:.4g}" for edge in self.edges]
        inner = [f"{a} to {b}" for a, b in pairwise(ends)]
        self.names: list[str] = [f"below {ends[0]}", *inner, f"{ends[-1]} and above"]

    def counts(self, p: Floats) -> list[int]:
        """How many predictions fall into each range."""
        places = np.searchsorted(self.edges, p, side="right")
        return [int(n) for n in np.bincount(places, minlength=len(self.edges) + 1)]

    def level(self, p: Floats) -> float:
        """Mean prediction."""
        return float(p.mean())

    def histogram(self, p: Floats) -> list[int]:
        """Of the predictions, BINS over the range of old ones; those outside count at its ends."""
        return [int(n) for n in np.histogram(np.clip(p, *self.span), BINS, self.span)[0]]
