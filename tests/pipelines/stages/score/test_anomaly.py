"""Scores of anomalies as columns of a partition."""

from pathlib import Path

import pyarrow as pa
import pytest
import torch

from components.registry.served import save_model
from pipelines.stages.score.anomaly import Reading
from tests.components.registry.test_anomaly_model import build


@pytest.mark.parametrize("threshold", [0.9, None])
def test_columns_are_those_of_the_served_model(tmp_path: Path, threshold: float | None) -> None:
    model, view, _ = build(threshold=threshold, learnt=False, labelled=0)
    save_model(model, tmp_path)
    with torch.inference_mode():
        found = {name: tensor.numpy() for name, tensor in model.see(view).items()}
    reading = Reading.of(tmp_path, None, False)
    table, told = pa.table(reading.columns(found)), model.columns(found)
    assert table.column_names == [
        "anomaly_score", "is_anomaly", "detector", "columns", "abstained", "is_outlier",
    ]  # fmt: skip
    for name in ("is_anomaly", "detector", "columns"):
        assert table[name].to_pylist() == told[name]
    assert table["anomaly_score"].to_pylist() == pytest.approx(told["anomaly_score"])
    assert table["is_outlier"].null_count == len(table)
    summary = reading.summary(table)
    if threshold is None:
        assert summary == {}
    else:
        alarms = sum(told["is_anomaly"])
        assert summary == {"figures": {"alarms": alarms, "alarm_rate": pytest.approx(alarms / len(table))}}
