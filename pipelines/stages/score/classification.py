"""Predictions of classes as columns of a partition, and what is said of them all.

Letters: m samples of a partition, K classes.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.config import Config
from components.evaluation.classification.conformal import Sets
from components.registry.champion import FILES
from components.registry.outlier_model import OutlierConfig
from pipelines.inference.answers import Answers
from pipelines.stages.score.partitions import outlier_columns

BINS = 20  # of the histogram of confidence


class Reading(Config):
    """How a model's predictions are read. classes, sets, outliers: what its folder says of them, None where it says
    nothing. abstain_below: see the request; abstain_outliers: whether an outlier is none to act on."""

    classes: list[str]
    sets: Sets | None = None
    outliers: OutlierConfig | None = None
    abstain_below: float | None = None
    abstain_outliers: bool = False

    @classmethod
    def of(cls, model: Path, abstain_below: float | None, abstain_outliers: bool) -> "Reading":
        """With what the classifier in a folder says of itself."""
        told = json.loads((model / FILES["config"]).read_bytes())
        kept = {name: told.get(name) for name in ("classes", "sets", "outliers")}
        return cls.model_validate(
            {**kept, "abstain_below": abstain_below, "abstain_outliers": abstain_outliers}
        )

    def columns(self, found: Answers) -> dict[str, pa.Array]:
        """class, confidence (the largest probability), probabilities [K] in the order of `classes`, abstained,
        prediction_set (the classes among which the true one is as often as the model promises, the likeliest first;
        null where it promises nothing), and outlier_columns."""
        p, classes = found["probabilities"], self.classes
        confidence = p.max(axis=1)
        far = outlier_columns(found, self.outliers)
        abstained = (confidence < (self.abstain_below or 0.0)) | (
            np.array(far["is_outlier"].fill_null(False)) & self.abstain_outliers
        )
        sets = _named(self.sets, p, classes) if self.sets else [None] * len(p)
        return {
            "class": pa.array([classes[k] for k in p.argmax(axis=1)], pa.string()),
            "confidence": pa.array(confidence, pa.float32()),
            "probabilities": pa.array(list(p), pa.list_(pa.float32())),
            "abstained": pa.array(abstained, pa.bool_()),
            "prediction_set": pa.array(sets, pa.list_(pa.string())),
            **far,
        }

    def summary(self, answered: pa.Table) -> dict[str, Any]:
        """Fields of the stage's output, from all partitions."""
        mix = Counter(answered["class"].to_pylist())
        return {
            "classes": self.classes,
            "mix": {name: mix[name] for name in self.classes},
            "confidence": np.histogram(answered["confidence"].to_numpy(), BINS, (0.0, 1.0))[0].tolist(),
        }


def _named(sets: Sets, probabilities: NDArray[np.float32], classes: list[str]) -> list[list[str]]:
    inside = sets.of(probabilities.astype(np.float64))
    order = np.argsort(-probabilities, axis=1, kind="stable")
    return [[classes[k] for k in row if held[k]] for row, held in zip(order, inside, strict=True)]
