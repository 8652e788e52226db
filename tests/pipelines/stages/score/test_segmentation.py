"""Predicted masks as columns of a partition."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from components.registry.served import save_model
from pipelines.stages.score.segmentation import Reading
from tests.components.registry.test_segmenter import build


def test_columns_are_those_of_the_served_model(tmp_path: Path) -> None:
    model, view = build()
    save_model(model, tmp_path)
    with torch.inference_mode():
        found = {name: tensor.numpy() for name, tensor in model.see(view).items()}
    sure = sorted(found["confidence"].tolist())
    reading = Reading.of(tmp_path, float(np.mean(sure[:2])), False)
    table, told = pa.table(reading.columns(found)), model.columns(found)
    assert table.column_names == ["mask", "confidence", "shares", "abstained", "is_outlier"]
    assert table["mask"].to_pylist() == told["mask"]
    assert table["confidence"].to_pylist() == pytest.approx(told["confidence"])
    np.testing.assert_allclose(table["shares"].to_pylist(), told["shares"], rtol=1e-6)
    assert sum(table["abstained"].to_pylist()) == 1
    assert table["is_outlier"].null_count == 3
    summary = reading.summary(table)
    assert summary["classes"] == ["ground", "a", "b"]
    assert sum(summary["confidence"]) == 3
    mean = np.mean(told["shares"], axis=0)
    assert summary["figures"] == pytest.approx(
        {
            "confidence": np.mean(sure),
            "share of ground": mean[0],
            "share of a": mean[1],
            "share of b": mean[2],
        },
        rel=1e-5,
    )


def test_nobody_abstains_where_no_bound_is_named(tmp_path: Path) -> None:
    model, view = build()
    save_model(model, tmp_path)
    with torch.inference_mode():
        found = {name: tensor.numpy() for name, tensor in model.see(view).items()}
    assert not any(pa.table(Reading.of(tmp_path, None, False).columns(found))["abstained"].to_pylist())
