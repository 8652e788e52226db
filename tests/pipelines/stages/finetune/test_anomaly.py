"""Detectors as the stage fits and saves them."""

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from components.data.table import Table
from components.evaluation.anomaly.figures import average_precision
from components.evaluation.anomaly.threshold import alarm_threshold
from components.registry.anomaly_model import LEARNT, PLAIN
from components.registry.served import load_model
from pipelines.stages.finetune.anomaly import Request, limit_of, run
from tests.pipelines.stages.odd import TASK, TRAIN, context, rows, truth_of

ABOVE = {"snapshot": "snapshot/0", "pretrain": "pretrain/0", "pseudo_label": "pseudo_label/0"}


def made(home, labels=None, **options):
    here = context(home, **(labels or {}))
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    output = run(Request(**ABOVE, **{"task": TASK, **options}), folder, here)
    return output, folder, here


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return made(tmp_path_factory.mktemp("home"), {"labelled": 6})


def seen(folder, here, rows):
    model = load_model(folder / "model")
    packed = torch.from_numpy(np.load(here.store / "snapshot/0/rows.npy")[rows])
    with torch.inference_mode():
        return model, model.see(packed)


def test_what_it_tells(finished):
    output, _, here = finished
    assert output.skipped is None
    assert (output.samples, output.labels, output.anomalies, output.normals) == (TRAIN, 6, 6, 0)
    assert 0 <= output.share <= 1
    assert output.method == "detectors and labelled anomalies"
    assert len(output.detectors) == 5
    assert any("threshold" in line and "234 samples not labelled as anomalies" in line for line in here.said)
    assert not output.kept_normal


def test_the_model_ranks_anomalies_and_names_the_column(finished):
    output, folder, here = finished
    table = Table.load(here.store / "snapshot/0/table.parquet")
    rows = table.test_rows()
    model, found = seen(folder, here, rows)
    odd = table.label[rows] == 1
    assert average_precision(found["score"].numpy(), odd) > 0.55
    columns = model.columns({name: tensor.numpy() for name, tensor in found.items()})
    first = [named[0] for named, is_odd in zip(columns["columns"], odd, strict=True) if is_odd and named]
    assert first.count("b") > 0.7 * odd.sum()
    assert columns["is_anomaly"] == (found["score"].numpy() > output.threshold).tolist()
    assert model.plain is not None
    assert not model.config.learnt  # of a table the columns alone


def test_the_threshold_is_of_scores_that_detectors_had_not_seen(finished):
    output, folder, here = finished
    held = pq.read_table(folder / output.held.path)
    table = Table.load(here.store / "snapshot/0/table.parquet")
    assert held["row"].to_pylist() == table.train_rows().tolist()
    usual = table.label[table.train_rows()] < 0
    assert output.threshold == alarm_threshold(held["score"].to_numpy()[usual], 0.05)
    _, found = seen(folder, here, table.train_rows())
    assert not np.allclose(found["score"].numpy(), held["score"].to_numpy())


def test_the_same_request_gives_the_same_bytes(finished, tmp_path):
    output, _, _ = finished
    again, _, _ = made(tmp_path, {"labelled": 6})
    assert again.model.sha256 == output.model.sha256
    assert again.held.sha256 == output.held.sha256


def test_both_kinds_of_features(tmp_path):
    output, folder, here = made(tmp_path, features="both")
    assert output.share is None
    assert output.method == "detectors"
    _, found = seen(folder, here, np.arange(5))
    assert {name.rpartition(", ")[2] for name in output.detectors} == {PLAIN, LEARNT}
    assert found["ranks"].shape == (5, 10)


def test_the_encoder_alone(tmp_path):
    _, folder, here = made(tmp_path, features="encoder")
    model, found = seen(folder, here, np.arange(5))
    assert model.plain is None
    assert found["tails"].shape == (5, 0)
    assert model.columns({name: tensor.numpy() for name, tensor in found.items()})["columns"] == [[]] * 5


def test_labelled_normal_samples_make_the_threshold_where_they_are_enough(tmp_path):
    output, _, here = made(tmp_path, {"normals": 60})
    assert output.kept_normal
    assert any("from 60 samples labelled as normal" in line for line in here.said)


def test_too_few_samples_for_the_rate(tmp_path):
    output, folder, _ = made(tmp_path, task=TASK.model_copy(update={"false_alarms": 0.001}))
    assert output.threshold is None
    assert "at least 999 samples are needed" in output.note
    assert load_model(folder / "model").config.threshold is None


def test_fifty_samples_are_enough_to_rank(tmp_path):
    output, _, _ = made(tmp_path, {"given": rows(truth_of()[:50], 0)})
    assert output.samples == 50
    assert output.threshold is not None


def test_more_than_most_are_drawn_and_labelled_ones_stay(tmp_path):
    output, folder, here = made(tmp_path, {"labelled": 6}, most=100)
    held = pq.read_table(folder / output.held.path)["row"].to_numpy()
    table = Table.load(here.store / "snapshot/0/table.parquet")
    assert len(held) == 100
    assert set(table.labelled_rows()) <= set(held)


def test_no_normal_samples(tmp_path):
    here = context(tmp_path)
    at = here.store / "snapshot/0/table.parquet"
    table = Table.load(at)
    label = np.where(table.split == "train", 1, table.label)
    dataclasses.replace(table, label=label).save(at)
    from pipelines.engine.artifact import Artifact

    here.outputs["snapshot/0"].table = Artifact.of(at, at.parent)
    output = run(Request(**ABOVE, task=TASK), here.store, here)
    assert output.skipped == (
        "0 training samples that are not labelled as an anomaly, and detectors need 20 or more"
    )
    assert any("correct task.anomalies" in line for line in here.said)


def test_constant_columns_beside_one_that_varies(tmp_path):
    given = [{"a": row["a"], "b": "7", "d": "x"} for row in rows(truth_of(), 0)]
    output, _, _ = made(tmp_path, {"given": given})
    assert output.skipped is None


def test_limit_by_hand():
    held, anomaly, normal = np.arange(1.0, 100.0), np.zeros(99, bool), np.arange(99) < 19
    assert limit_of(held, anomaly, normal, 0.05) == (19.0, True)
    assert limit_of(held, anomaly, normal, 0.04) == (96.0, False)
    assert limit_of(held, anomaly, normal, 0.001) == (None, False)
