"""Recommended items as columns."""

import numpy as np
import pyarrow as pa

from components.registry.served import load_model
from pipelines.stages.score.ranking import Reading
from tests.pipelines.stages.finetune.test_ranking import made

FOUND = {
    "items": np.array([[0, 2, 1], [3, 1, 0]]),
    "best": np.array([[3.0, 2.0, 1.0], [5.0, -np.inf, -np.inf]], np.float32),
}


def test_columns_and_summary(tmp_path):
    _, folder, _ = made(tmp_path)
    reading = Reading.of(folder / "model", None, False)
    names = load_model(folder / "model").names
    columns = reading.columns(FOUND)
    assert columns["items"].to_pylist() == [[names[0], names[2], names[1]], [names[3]]]
    assert columns["scores"].to_pylist() == [[3.0, 2.0, 1.0], [5.0]]
    assert columns["abstained"].to_pylist() == [False, False]
    assert columns["is_outlier"].to_pylist() == [None, None]
    assert reading.summary(pa.table(columns)) == {"figures": {"items": 4.0, "coverage": 4 / 6}}
