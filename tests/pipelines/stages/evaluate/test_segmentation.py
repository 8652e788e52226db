"""Masks as the stage measures them: against a slow count, beside baselines from the same masks."""

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from components.data.masks import IGNORE, from_text
from components.data.table import Table
from components.registry.served import load_model
from pipelines.engine.artifact import Artifact
from pipelines.inference.masks import masks_of
from pipelines.stages.evaluate.segmentation import BASELINES, Request, run
from tests.pipelines.stages.finetune.segmentation.test_stage import made
from tests.pipelines.stages.masked import CLASSES, SIDE, TASK, TEST

ABOVE = {
    "snapshot": "snapshot/0", "pretrain": "pretrain/0", "embed": "embed/0", "pseudo_label": "pseudo_label/0",
    "finetune": "finetune/0",
}  # fmt: skip


def prepare(home, given=None, **options):
    few = {"candidates": ["trained"], "fold_steps": 8, "scratch": {"learning_rates": [0.004]}}
    output, _, here = made(home, given, **{**few, **options})
    here.outputs["finetune/0"] = output
    return here


def measured(here, **options):
    folder = here.store / "evaluate" / "0"
    folder.mkdir(parents=True, exist_ok=True)
    request = Request.model_validate({**ABOVE, "task": TASK, "bootstrap": 200, "pictures": 5, **options})
    return run(request, folder, here), folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    here = prepare(tmp_path_factory.mktemp("home"))
    return *measured(here), here


def truth_of(here):
    rows = Table.load(here.store / "snapshot/0/table.parquet").test_rows()
    return rows, masks_of("snapshot/0", here.outputs["snapshot/0"], rows, SIDE, here)


def test_figures_by_a_slow_count(finished):
    output, folder, here = finished
    rows, truth = truth_of(here)
    table = pq.read_table(folder / output.predictions.path).to_pydict()
    assert (truth[0] == IGNORE).any()
    dice = []
    for own, text, told in zip(truth, table["mask"], table["dice"], strict=True):
        said, each = from_text(text), []
        for k in (1, 2):
            a, b = (own == k), (said == k) & (own != IGNORE)
            if a.any() or b.any():
                each.append(2 * (a & b).sum() / (a.sum() + b.sum()))
        dice.append(np.mean(each) if each else 1.0)
        assert told == pytest.approx(dice[-1])
    assert output.samples == TEST == len(dice)
    assert output.metrics["dice"] == pytest.approx(np.mean(dice))
    assert output.metrics["dice_low"] < output.metrics["dice"] < output.metrics["dice_high"]
    known = truth != IGNORE
    said = np.stack([from_text(text) for text in table["mask"]])
    assert output.metrics["pixel_accuracy"] == pytest.approx((said == truth)[known].mean())
    ids = Table.load(here.store / "snapshot/0/table.parquet").ids
    assert table["id"] == ids[rows].tolist()


def test_baselines(finished):
    output, _, _ = finished
    assert set(output.baselines) == set(BASELINES)
    assert output.baselines["background"] == 0.0
    assert output.best_baseline == max(output.baselines, key=output.baselines.get)
    best = output.baselines[output.best_baseline]
    assert output.metrics["margin"] == pytest.approx(output.metrics["dice"] - best)
    for name, value in output.baselines.items():
        assert output.differences[name].value == pytest.approx(output.metrics["dice"] - value)
    assert output.baselines["pixels"] > 0.5  # squares and bars differ in grey


def test_classes_and_calibration(finished):
    output, _, here = finished
    _, truth = truth_of(here)
    assert [row.name for row in output.classes] == CLASSES
    assert [row.images for row in output.classes] == [(truth == k).any(axis=(1, 2)).sum() for k in range(3)]
    assert sum(row.share for row in output.classes) == pytest.approx(1)
    assert sum(one.count for one in output.curve) == (truth != IGNORE).sum()
    assert 0 <= output.metrics["ece"] < 0.5


def test_pictures_go_from_the_worst_to_the_best(finished):
    output, folder, here = finished
    rows = pq.read_table(folder / output.pictures.path).to_pylist()
    dice = [row["dice"] for row in rows]
    assert len(rows) == 5
    assert dice == sorted(dice)
    every = pq.read_table(folder / output.predictions.path)["dice"].to_pylist()
    assert (dice[0], dice[-1]) == (min(every), max(every))
    model = load_model(here.store / "finetune/0/model")
    images = np.load(here.store / "snapshot/0/images.npy")
    for row in rows:
        with torch.inference_mode():
            p = model(torch.from_numpy(images[row["row"]][None]).float() / 255)[0].numpy()
        np.testing.assert_array_equal(from_text(row["mask"]), p.argmax(axis=0))
        sure = np.frombuffer(row["certainty"], np.uint8).reshape(SIDE, SIDE)
        assert np.abs(sure / 255 - p.max(axis=0)).max() < 1 / 255


def test_nothing_is_measured_without_a_model_or_test_masks(finished, tmp_path):
    _, _, here = finished
    outputs = {**here.outputs, "finetune/0": type(here.outputs["finetune/0"])(skipped="no masks")}
    output, _ = measured(dataclasses.replace(here, outputs=outputs, store=here.store))
    assert (output.skipped, output.metrics) == ("no masks", {})
    assert output.health
    at = here.store / "snapshot/0/table.parquet"
    table = Table.load(at)
    table_of = here.store / "snapshot/0/few.parquet"
    label = table.label.copy()
    label[table.test_rows()[4:]] = -1
    dataclasses.replace(table, label=label).save(table_of)
    snapshot = type(here.outputs["snapshot/0"])(
        **{**vars(here.outputs["snapshot/0"]), "table": Artifact.of(table_of, table_of.parent)}
    )
    output, _ = measured(dataclasses.replace(here, outputs={**here.outputs, "snapshot/0": snapshot}))
    assert (
        output.skipped == "4 test images with a mask, and 5 are needed to measure on; label more test images"
    )
