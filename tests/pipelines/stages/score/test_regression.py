"""Predicted numbers as columns of a partition."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from pipelines.stages.score.regression import Reading
from pipelines.stages.score.stage import Request

FOUND = {"prediction": np.array([1.0, 5, 9], np.float32), "outliers": np.array([0.5, 3.0, 1.0], np.float32)}
KNOWN = {"groups": 1, "limit": 2.0, "rate": 0.05}


def reading(folder: Path, abstain_outliers: bool = False, **told: object) -> Reading:
    (folder / "model.json").write_text(json.dumps(told))
    return Reading.of(folder, None, abstain_outliers)


def test_columns_are_the_prediction_with_its_interval(tmp_path: Path) -> None:
    table = pa.table(reading(tmp_path, width=2.0, outliers=KNOWN).columns(FOUND))
    assert table.column_names == ["prediction", "low", "high", "abstained", "outlier_score", "is_outlier"]
    assert table["low"].to_pylist() == [-1.0, 3.0, 7.0]
    assert table["high"].to_pylist() == [3.0, 7.0, 11.0]
    assert table["is_outlier"].to_pylist() == [False, True, False]
    assert table["abstained"].to_pylist() == [False] * 3
    acted = pa.table(reading(tmp_path, True, outliers=KNOWN).columns(FOUND))
    assert acted["abstained"].to_pylist() == [False, True, False]


def test_what_the_model_does_not_know_is_null(tmp_path: Path) -> None:
    table = pa.table(reading(tmp_path, True).columns(FOUND))
    for name in ("low", "high", "outlier_score", "is_outlier"):
        assert table[name].null_count == 3
    assert table["abstained"].to_pylist() == [False] * 3


def test_the_summary_is_of_all_partitions(tmp_path: Path) -> None:
    own = reading(tmp_path, width=2.0)
    figures = own.summary(pa.table(own.columns(FOUND)))["figures"]
    assert (figures["mean"], figures["median"], figures["width"]) == (5.0, 5.0, 2.0)
    assert figures["p05"] == pytest.approx(np.quantile([1, 5, 9], 0.05))
    assert "width" not in reading(tmp_path).summary(pa.table(own.columns(FOUND)))["figures"]


def test_a_bound_on_confidence_is_refused_where_there_is_none() -> None:
    given = {"snapshot": "snapshot/0", "model": "toys", "abstain_below": 0.5}
    assert Request.model_validate(given).abstain_below == 0.5
    with pytest.raises(
        ValidationError, match="with a confidence, and those of the task regression have none"
    ):
        Request.model_validate({**given, "task": "regression"})
