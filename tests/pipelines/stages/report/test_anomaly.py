"""The page of a task without classes: figures, alarms, the ranked list, and the list that comes back as labels."""

import csv
import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from components.tasks.anomaly import AnomalyConfig
from pipelines.engine.context import Context
from pipelines.stages.report import anomaly
from tests.pipelines.stages.evaluate import test_anomaly as evaluated
from tests.pipelines.stages.odd import TASK
from tests.pipelines.stages.report.test_stage import CHAMPION, PLAN, REFUSED, finish, plain, reported


def prepare(home: Path, tests: bool) -> Context:
    here = evaluated.prepare(home, labelled=4, tests=tests)
    output, _ = evaluated.measured(here)
    counts = {"samples": 360, "labelled": 4, "tests": 120 if tests else 0, "version": "abc.dir"}
    above = {
        name: {key: plain(v) for key, v in vars(here.outputs[f"{name}/0"]).items()}
        for name in ("snapshot", "embed")
    }
    trained = {"steps": 8, "epochs": 2, "samples": 240, "samples_per_second": 99.0, "data_wait_share": 0.01}
    finish(here, "ingest", {})
    finish(here, "snapshot", {**above["snapshot"], **counts})
    finish(here, "plan", PLAN, level=0.01, needed=2, windows=3)
    finish(here, "pretrain", {**trained, "encoder": plain(here.outputs["pretrain/0"].encoder)}, seed=7)
    finish(here, "embed", above["embed"], pretrain="pretrain/0")
    finish(here, "pseudo_label", plain(here.outputs["pseudo_label/0"]), embed="embed/0", previous=None)
    finish(here, "finetune", plain(here.outputs["finetune/0"]))
    finish(here, "evaluate", plain(output), task=TASK.model_dump(mode="json"))
    finish(here, "register", {"name": "odd", "version": "2", "digest": "d" * 64, "skipped": None})
    finish(here, "promote", REFUSED)
    return Context(store=here.store, settings=here.settings, recipe="odd", run="a-run", observed=CHAMPION)


def listed(folder: Path, output: Any) -> list[dict[str, str]]:
    with (folder / output.to_label.path).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str, Path]:
    return reported(prepare(tmp_path_factory.mktemp("home"), True), task=AnomalyConfig())


def test_sections(made: tuple[Any, str, Path]) -> None:
    output, page, _ = made
    for title in ("How good is it?", "Its detectors", "Alarms", "Ranked for review", "What to label next"):
        assert f"<h2>{title}</h2>" in page, title
    assert "isolation forest on plain features" in page
    assert "average precision" in output.summary
    assert "4 labelled anomalies" in output.summary
    assert "rare: " in page
    assert "The samples without a label that are ranked highest" in page
    assert "What it gets wrong" not in page
    assert re.search(r"of 12</[^>]*>\s*<[^>]*>anomalies above the threshold", page) or "of 12" in page
    assert "12 anomalies are few" in page


def test_what_is_found_of_few_anomalies_is_a_number_and_of_many_a_share() -> None:
    m = {"recall": 1.0, "recall_at_budget": 1 / 7, "anomalies": 7.0, "budget": 1.0}
    assert anomaly._alarmed_tile(m) == {"value": "7 of 7", "text": "anomalies above the threshold"}
    without = {"recall_at_budget": 1 / 7, "anomalies": 7.0, "budget": 1.0}
    assert anomaly._alarmed_tile(without) == {"value": "1 of 7", "text": "anomalies in 1 alarm"}
    many = {"recall": 0.5, "recall_at_budget": 0.5, "anomalies": 80.0, "budget": 60.0}
    assert anomaly._alarmed_tile(many) == {"value": "50.0 %", "text": "of the anomalies above the threshold"}


def test_the_list_comes_back_as_labels(made: tuple[Any, str, Path]) -> None:
    output, _, folder = made
    rows = listed(folder, output)
    assert len(rows) == output.asked == 12
    scores = [float(row["confidence"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert {row["suggested class"] for row in rows} == {"anomaly"}
    assert {row["use"] for row in rows} == {"training"}  # all test samples have a label
    assert all(row["why"] and not row["label"] for row in rows)


def test_without_test_labels_samples_for_testing_are_drawn_by_chance(tmp_path: Path) -> None:
    output, page, folder = reported(prepare(tmp_path, False), task=AnomalyConfig())
    assert "nothing can be measured" in output.summary
    assert "Nothing can be measured" in page
    rows = listed(folder, output)
    tests = [row for row in rows if row["use"] == "testing"]
    assert len(tests) == 4
    assert all(not row["suggested class"] for row in tests)
    assert [row["id"] for row in tests] == sorted(row["id"] for row in tests)


def test_nothing_was_fitted(tmp_path: Path) -> None:
    context = prepare(tmp_path, True)
    for stage, gone in (("finetune", {"skipped": "no rows"}), ("evaluate", {"skipped": "no rows"})):
        import json

        file = context.store / stage / "0" / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest["output"] |= gone | ({"review": None} if stage == "evaluate" else {})
        file.write_text(json.dumps(manifest))
    output, page, _ = reported(dataclasses.replace(context), task=AnomalyConfig())
    assert output.summary == "From 360 samples no detectors, because of no rows."
    assert "Ranked for review" not in page
