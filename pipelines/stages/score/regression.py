"""Predicted numbers as columns of a partition, and what is said of them all.

Letters: m samples of a partition.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.config import Config
from components.registry.champion import FILES
from components.registry.outlier_model import OutlierConfig
from pipelines.inference.answers import Answers
from pipelines.stages.score.partitions import outlier_columns


class Reading(Config):
    """How a model's predictions are read. width, outliers: what its folder says of them, None where it says nothing.
    abstain_outliers: whether an outlier is none to act on."""

    width: float | None = None
    outliers: OutlierConfig | None = None
    abstain_outliers: bool = False

    @classmethod
    def of(cls, model: Path, abstain_below: float | None, abstain_outliers: bool) -> "Reading":
        """With what the model in a folder says of itself. abstain_below: None, as a number has no confidence."""
        told = json.loads((model / FILES["config"]).read_bytes())
        kept = {name: told.get(name) for name in ("width", "outliers")}
        return cls.model_validate({**kept, "abstain_outliers": abstain_outliers})

    def columns(self, found: Answers) -> dict[str, pa.Array]:
        """prediction, low and high (the interval that holds the true number as often as the model promises; null where
        it promises nothing), abstained, and outlier_columns."""
        predicted = found["prediction"].astype(np.float64)
        nothing, far = [None] * len(predicted), outlier_columns(found, self.outliers)
        abstained = np.array(far["is_outlier"].fill_null(False)) & self.abstain_outliers
        return {
            "prediction": pa.array(predicted, pa.float64()),
            "low": pa.array(nothing if self.width is None else predicted - self.width, pa.float64()),
            "high": pa.array(nothing if self.width is None else predicted + self.width, pa.float64()),
            "abstained": pa.array(abstained, pa.bool_()),
            **far,
        }

    def summary(self, answered: pa.Table) -> dict[str, Any]:
        """Fields of the stage's output, from all partitions."""
        predicted = answered["prediction"]
        low, middle, high = pc.quantile(predicted, [0.05, 0.5, 0.95]).to_pylist()
        figures = {"mean": pc.mean(predicted).as_py(), "p05": low, "median": middle, "p95": high}
        if self.width is not None:
            figures["width"] = self.width
        return {"figures": figures}
