"""The page of a task whose labels are masks."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from components.tasks.segmentation import SegmentationConfig
from pipelines.engine.context import Context
from tests.pipelines.stages.evaluate import test_segmentation as evaluated
from tests.pipelines.stages.masked import CLASSES, TASK, TEST, TRAIN
from tests.pipelines.stages.report.test_stage import CHAMPION, PLAN, REFUSED, finish, plain, reported


def prepare(home: Path) -> Context:
    here = evaluated.prepare(home)
    output, _ = evaluated.measured(here)
    counts = {"samples": TRAIN + TEST, "labelled": 12, "tests": TEST, "version": "abc.dir"}
    above = {
        name: {key: plain(v) for key, v in vars(here.outputs[f"{name}/0"]).items()}
        for name in ("snapshot", "embed")
    }
    trained = {"steps": 8, "epochs": 2, "samples": TRAIN, "samples_per_second": 99.0, "data_wait_share": 0.01}
    finish(here, "ingest", {})
    finish(here, "snapshot", {**above["snapshot"], **counts})
    finish(here, "plan", PLAN, level=0.01, needed=2, windows=3)
    finish(here, "pretrain", {**trained, "encoder": plain(here.outputs["pretrain/0"].encoder)}, seed=7)
    finish(here, "embed", above["embed"], pretrain="pretrain/0")
    finish(here, "pseudo_label", plain(here.outputs["pseudo_label/0"]), embed="embed/0", previous=None)
    finish(here, "finetune", plain(here.outputs["finetune/0"]))
    finish(here, "evaluate", plain(output), task=TASK.model_dump(mode="json"))
    finish(here, "register", {"name": "masked", "version": "2", "digest": "d" * 64, "skipped": None})
    finish(here, "promote", REFUSED)
    return Context(store=here.store, settings=here.settings, recipe="masked", run="a-run", observed=CHAMPION)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return prepare(tmp_path_factory.mktemp("home"))


def test_sections(context: Context) -> None:
    output, page, _ = reported(context, task=SegmentationConfig())
    for title in ("Which model is served", "Classes", "Masks", "What to label next"):
        assert page.count(f"<h2>{title}</h2>") == 1, title
    assert "logistic regression on the surroundings of a pixel" in page
    assert "12 masks, a model that gives each pixel one of 3 classes: Dice " in output.summary
    assert "the encoder trained on the masks" in page
    for name in CLASSES:
        assert f"<td>{name}</td>" in page
    section = page[page.index("<h2>Masks</h2>") :]
    assert section.count("Dice 0.") + section.count("Dice 1.") >= 5
    assert "What it gets wrong" not in page


def test_a_name_of_a_class_is_no_html(context: Context) -> None:
    file = context.store / "evaluate/0/manifest.json"
    manifest: dict[str, Any] = json.loads(file.read_text())
    before = file.read_text()
    manifest["output"]["classes"][1]["name"] = "<script>"
    file.write_text(json.dumps(manifest))
    _, page, _ = reported(context, task=SegmentationConfig())
    file.write_text(before)
    assert "<td>&lt;script&gt;</td>" in page
    assert "<td><script>" not in page


def test_nothing_was_trained(context: Context) -> None:
    for stage in ("finetune", "evaluate"):
        file = context.store / stage / "0" / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest["output"] |= {"skipped": "of 2 masks"}
        file.write_text(json.dumps(manifest))
    output, page, _ = reported(dataclasses.replace(context), task=SegmentationConfig())
    assert output.summary == "From 52 images no segmentation, because of 2 masks."
    assert "<h2>Masks</h2>" not in page
