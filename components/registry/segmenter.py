"""The model of segmentation: an encoder with maps, a dense head, and a temperature of its confidence.

Letters: B samples, D feature width, S side in pixels, K classes.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor

from components.data.masks import from_text, to_text
from components.encoders.base import pooled
from components.encoders.decoder import mapping
from components.encoders.dense_head import dense_head, scores_of
from components.registry.served import Description, Found, Served

STRAY = 1e-3  # share of the pixels whose classes may differ between two processes: those that are undecided


class SegmenterConfig(Description):
    """What model.json holds."""

    task: Literal["segmentation"] = "segmentation"
    """Selects the class of the model."""

    classes: tuple[str, ...] = Field(min_length=2)
    """Names of the classes 0, 1, ...; class 0 is the background."""

    width: PositiveInt
    """Channels of the head."""

    temperature: PositiveFloat = 1.0
    """What scores are divided by before they become probabilities."""


class Segmenter(Served):
    """A class for each pixel.

    Its predictions have the columns mask (text, components.data.masks: of the centre square, at the side of the packed
    samples), confidence (mean over the pixels of the probability of their class), shares (of each class among the
    pixels) and embedding (D floats: the encoder's feature).
    """

    Config = SegmenterConfig
    outputs: ClassVar[Mapping[str, str]] = {
        "mask": "text",
        "confidence": "number",
        "shares": "numbers",
        "embedding": "numbers",
    }

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__(config)
        self.config = config
        self.head = dense_head(mapping(self.encoder, "segmentation"), len(config.classes), config.width)

    def forward(self, x: Tensor) -> Tensor:
        """A clean view [B, ...] -> probabilities [B, K, S, S]."""
        return self.both(x)[0]

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities [B, K, S, S] and features [B, D]."""
        encoder = mapping(self.encoder, "segmentation")
        scores, last = scores_of(encoder, self.head, x)
        features = encoder(x) if x.shape[-1] % encoder.reduction else pooled(last)
        return (scores.float() / self.config.temperature).softmax(dim=1), features.float()

    def see(self, x: Tensor) -> dict[str, Tensor]:
        """mask [B, S, S] uint8, confidence [B], shares [B, K], features [B, D]."""
        probabilities, features = self.both(x)
        sure, classes = probabilities.max(dim=1)
        shares = torch.nn.functional.one_hot(classes.flatten(1), probabilities.shape[1]).float().mean(dim=1)
        return {
            "mask": classes.to(torch.uint8),
            "confidence": sure.mean(dim=(1, 2)),
            "shares": shares,
            "features": features,
        }

    def columns(self, found: Found) -> dict[str, list[Any]]:
        return {
            "mask": [to_text(mask) for mask in found["mask"]],
            "confidence": found["confidence"].tolist(),
            "shares": found["shares"].tolist(),
            "embedding": found["features"].tolist(),
        }

    def disagreement(
        self, found: Mapping[str, Sequence[Any]], expected: Mapping[str, Sequence[Any]]
    ) -> float:
        """Largest difference of a confidence; infinite where one is missing, or more of its pixels
        than STRAY differ."""
        ours, theirs = list(found["mask"]), list(expected["mask"])
        if len(ours) != len(theirs) or None in ours or None in theirs:
            return math.inf
        worst = 0.0
        for one, other, sure, certain in zip(
            ours, theirs, found["confidence"], expected["confidence"], strict=True
        ):
            a, b = from_text(one), from_text(other)
            if a.shape != b.shape or float(np.mean(a != b)) > STRAY:
                return math.inf
            worst = max(worst, abs(sure - certain))
        return worst
