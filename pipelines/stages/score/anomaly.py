"""Scores of anomalies as columns of a partition, and what is said of them all.

Letters: m samples of a partition.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.registry.anomaly_model import AnomalyModel
from components.registry.outlier_model import OutlierConfig
from components.registry.served import load_model
from pipelines.inference.answers import Answers


class Reading:
    """How a model's predictions are read. outliers: None, as the score is of how unlike the others a sample is."""

    outliers: OutlierConfig | None = None

    def __init__(self, model: AnomalyModel) -> None:
        self.model = model

    @classmethod
    def of(cls, model: Path, abstain_below: float | None, abstain_outliers: bool) -> "Reading":
        """With what the model in a folder says of itself."""
        loaded = load_model(model)
        assert isinstance(loaded, AnomalyModel)
        return cls(loaded)

    def columns(self, found: Answers) -> dict[str, pa.Array]:
        """anomaly_score, is_anomaly (null where the model has no threshold), detector and columns that say so,
        abstained (false) and is_outlier (null)."""
        told, count = self.model.columns(found), len(found["score"])
        return {
            "anomaly_score": pa.array(found["score"], pa.float32()),
            "is_anomaly": pa.array(told["is_anomaly"], pa.bool_()),
            "detector": pa.array(told["detector"], pa.string()),
            "columns": pa.array(told["columns"], pa.list_(pa.string())),
            "abstained": pa.array(np.zeros(count, np.bool_), pa.bool_()),
            "is_outlier": pa.array([None] * count, pa.bool_()),
        }

    def summary(self, answered: pa.Table) -> dict[str, Any]:
        """Fields of the stage's output, from all partitions: alarms and their share, where there is a threshold."""
        alarms = pc.sum(answered["is_anomaly"]).as_py()
        if alarms is None:
            return {}
        return {"figures": {"alarms": float(alarms), "alarm_rate": alarms / max(1, len(answered))}}
