"""Recommended items as columns of a partition, and what is said of them all.

Letters: m users of a partition.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.registry.outlier_model import OutlierConfig
from components.registry.ranking_model import RankingModel
from components.registry.served import load_model
from pipelines.inference.answers import Answers


class Reading:
    """How a model's predictions are read. outliers: None, as nothing is known of them."""

    outliers: OutlierConfig | None = None

    def __init__(self, model: RankingModel) -> None:
        self.model = model

    @classmethod
    def of(cls, model: Path, abstain_below: float | None, abstain_outliers: bool) -> "Reading":
        """With what the model in a folder says of itself."""
        loaded = load_model(model)
        assert isinstance(loaded, RankingModel)
        return cls(loaded)

    def columns(self, found: Answers) -> dict[str, pa.Array]:
        """items and scores, lists with the best item first; abstained (false) and is_outlier (null)."""
        (names, scores), count = self.model.recommended(found), len(found["items"])
        return {
            "items": pa.array(names, pa.list_(pa.string())),
            "scores": pa.array(scores, pa.list_(pa.float32())),
            "abstained": pa.array(np.zeros(count, np.bool_), pa.bool_()),
            "is_outlier": pa.array([None] * count, pa.bool_()),
        }

    def summary(self, answered: pa.Table) -> dict[str, Any]:
        """Fields of the stage's output, from all partitions: how many items are recommended to anybody, and the share
        of the known ones."""
        different = len(pc.unique(pc.list_flatten(answered["items"])))
        return {"figures": {"items": float(different), "coverage": different / len(self.model.names)}}
