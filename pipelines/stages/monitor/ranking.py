"""How recommendations are watched: how popular the first item of a user's list is.

Letters: m users.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from components.arrays import Floats
from pipelines.stages.monitor.drift import BINS, Words

EDGES = (0.5, 0.9, 0.99)  # shares of the items that are less popular


class Watch:
    """predicted: name of the predictions among what a model finds, here [m], the share of items that are less popular
    than the first of the list. names: of what they are counted by. words: what a page calls the counts and the
    level."""

    predicted = "popularity"
    words = Words(mix="popularity of the first item", level="popularity")

    def __init__(self, described: Mapping[str, Any], old: Floats) -> None:
        """described: model.json. old: predictions for old samples."""
        self.names = [
            f"up to {EDGES[0]}",
            *(f"{a} to {b}" for a, b in pairwise(EDGES)),
            f"above {EDGES[-1]}",
        ]

    def counts(self, p: Floats) -> list[int]:
        """How many users lie in each range."""
        return [int(n) for n in np.bincount(np.searchsorted(EDGES, p), minlength=len(EDGES) + 1)]

    def level(self, p: Floats) -> float:
        """Mean popularity."""
        return float(p.mean())

    def histogram(self, p: Floats) -> list[int]:
        """Of the popularity, BINS in [0, 1]."""
        return [int(n) for n in np.histogram(p, BINS, (0.0, 1.0))[0]]
