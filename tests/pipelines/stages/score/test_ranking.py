"""Recommended items as columns."""

import json

import numpy as np
import pyarrow as pa

from components.registry.predictor import Predictor
from components.registry.served import load_model
from pipelines.inference.answers import Answerer, answers
from pipelines.inference.samples import samples_of
from pipelines.stages.score.ranking import Reading
from tests.components.modalities.events.toys import turns
from tests.pipelines.stages.finetune.test_ranking import made
from tests.pipelines.stages.shopping import USERS

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


def test_whole_histories_are_scored(tmp_path):
    """The last event is known to batch scoring, as to a request."""
    _, folder, here = made(tmp_path)
    samples = samples_of("snapshot/0", here.outputs["snapshot/0"], here)
    rows = np.arange(USERS)
    np.save(tmp_path / "rows.npy", rows)
    worker = Answerer({
        "model": str(folder / "model"), "sha256": {}, "samples": samples.model_dump(mode="json"),
        "rows": str(tmp_path / "rows.npy"), "folder": str(tmp_path), "batch_size": 50, "device": "cpu",
    })  # fmt: skip
    ranges = [{"start": 0, "stop": USERS}]
    worker(ranges[0])
    found = answers(tmp_path, rows, ranges)
    words = turns(USERS)
    frame = Predictor(worker.model).predict(
        [json.dumps([[c, k] for k, c in enumerate(word)]) for word in words]
    )
    assert Reading(worker.model).columns(found)["items"].to_pylist() == frame["items"].tolist()
    following = ["abcdef"["abcdef".index(word[-1]) - 5] for word in words]
    assert [row[0] for row in frame["items"]] == following
