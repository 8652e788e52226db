"""How predictions of classes are watched: their mix, and how sure the model is.

Letters: m samples, K classes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.arrays import Floats
from pipelines.stages.monitor.drift import BINS, Words


class Watch:
    """predicted: name of the predictions among what a model finds, here [m, K]. names: of what they are counted by.
    words: what a page calls the counts and the level."""

    predicted = "probabilities"
    words = Words(mix="classes", level="confidence")

    def __init__(self, described: Mapping[str, Any], old: Floats) -> None:
        """described: model.json. old: predictions for old samples."""
        self.names: list[str] = list(described["classes"])

    def counts(self, p: Floats) -> list[int]:
        """[K] how often each class is predicted."""
        return [int(n) for n in np.bincount(p.argmax(axis=1), minlength=p.shape[1])]

    def level(self, p: Floats) -> float:
        """Mean confidence."""
        return float(p.max(axis=1).mean())

    def histogram(self, p: Floats) -> list[int]:
        """Of the confidence, BINS in [0, 1]."""
        return [int(n) for n in np.histogram(p.max(axis=1), BINS, (0.0, 1.0))[0]]
