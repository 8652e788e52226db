"""Predicted masks as columns of a partition, and what is said of them all.

Letters: m samples of a partition, K classes, S side in pixels.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.config import Config
from components.data.masks import to_text
from components.registry.champion import FILES
from components.registry.outlier_model import OutlierConfig
from pipelines.inference.answers import Answers

BINS = 20  # of the histogram of confidence


class Reading(Config):
    """How a model's predictions are read. classes: that its folder names. abstain_below: confidence of a mask below
    which it is none to act on. outliers: None, as the model does not tell them."""

    classes: list[str]
    abstain_below: float | None = None
    outliers: OutlierConfig | None = None

    @classmethod
    def of(cls, model: Path, abstain_below: float | None, abstain_outliers: bool) -> "Reading":
        """With what the model in a folder says of itself."""
        told = json.loads((model / FILES["config"]).read_bytes())
        return cls(classes=told["classes"], abstain_below=abstain_below)

    def columns(self, found: Answers) -> dict[str, pa.Array]:
        """mask (text, components.data.masks; it may come back as a label), confidence (mean over its pixels), shares
        (of each class, in the model's order), abstained and is_outlier (null)."""
        confidence, count = found["confidence"].astype(np.float32), len(found["confidence"])
        below = confidence < (self.abstain_below or 0.0)
        return {
            "mask": pa.array([to_text(mask) for mask in found["mask"]], pa.string()),
            "confidence": pa.array(confidence, pa.float32()),
            "shares": pa.array(found["shares"].astype(np.float32).tolist(), pa.list_(pa.float32())),
            "abstained": pa.array(below, pa.bool_()),
            "is_outlier": pa.array([None] * count, pa.bool_()),
        }

    def summary(self, answered: pa.Table) -> dict[str, Any]:
        """Fields of the stage's output, from all partitions: classes, the histogram of confidence, the mean confidence
        and the mean share of each class."""
        confidence = answered["confidence"].to_numpy()
        shares = np.array(answered["shares"].to_pylist(), dtype=np.float64).mean(axis=0)
        return {
            "classes": self.classes,
            "confidence": np.histogram(confidence, BINS, (0.0, 1.0))[0].tolist(),
            "figures": {
                "confidence": float(confidence.mean()),
                **{
                    f"share of {name}": float(share) for name, share in zip(self.classes, shares, strict=True)
                },
            },
        }
