"""How scores of anomalies are watched: how many samples lie in which range of them.

Letters: m samples.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from components.arrays import Floats
from pipelines.stages.monitor.drift import BINS, Words

EDGES = (0.5, 0.9, 0.99)  # about these shares of the training samples lie below


class Watch:
    """predicted: name of the predictions among what a model finds, here [m]. names: of what they are counted by.
    words: what a page calls the counts and the level."""

    predicted = "score"
    words = Words(mix="scores", level="score")

    def __init__(self, described: Mapping[str, Any], old: Floats) -> None:
        """described: model.json. old: predictions for old samples."""
        self.names = [
            f"up to {EDGES[0]}",
            *(f"{a} to {b}" for a, b in pairwise(EDGES)),
            f"above {EDGES[-1]}",
        ]

    def counts(self, p: Floats) -> list[int]:
        """How many samples lie in each range."""
        return [int(n) for n in np.bincount(np.searchsorted(EDGES, p), minlength=len(EDGES) + 1)]

    def level(self, p: Floats) -> float:
        """Mean score, about .5 without drift."""
        return float(p.mean())

    def histogram(self, p: Floats) -> list[int]:
        """Of the score, BINS in [0, 1]."""
        return [int(n) for n in np.histogram(p, BINS, (0.0, 1.0))[0]]
