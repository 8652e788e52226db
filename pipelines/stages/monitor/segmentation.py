"""How predicted masks are watched: which class other than the background is the largest in each image, and how much of
an image is no background.

Letters: m samples, K classes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.arrays import Floats
from components.tasks.segmentation import BACKGROUND
from pipelines.stages.monitor.drift import BINS, Words


class Watch:
    """predicted: name of the predictions among what a model finds, here the shares of the classes [m, K]. names: of
    what they are counted by. words: what a page calls the counts and the level."""

    predicted = "shares"
    words = Words(mix="largest classes", level="share of objects")

    def __init__(self, described: Mapping[str, Any], old: Floats) -> None:
        """described: model.json. old: predictions for old samples."""
        self.names = ["nothing", *described["classes"][BACKGROUND + 1 :]]

    def counts(self, p: Floats) -> list[int]:
        """How many images have each class as the largest one beside the background, or nothing beside it."""
        objects = p[:, BACKGROUND + 1 :]
        largest = np.where(objects.max(axis=1) > 0, objects.argmax(axis=1) + 1, 0)
        return [int(n) for n in np.bincount(largest, minlength=len(self.names))]

    def level(self, p: Floats) -> float:
        """Mean share of pixels that are no background."""
        return float(1 - p[:, BACKGROUND].mean())

    def histogram(self, p: Floats) -> list[int]:
        """Of that share, BINS in [0, 1]."""
        return [int(n) for n in np.histogram(1 - p[:, BACKGROUND], BINS, (0.0, 1.0))[0]]
