"""What `selfsup run --json` gives, and the data card of a recipe's newest snapshot."""

import numpy as np
import pytest

from components.data.shards import Delivery, Index
from components.data.table import Table
from components.errors import UserError
from pipelines.engine import journal
from pipelines.engine.artifact import Artifact
from pipelines.engine.journal import StageLine
from pipelines.engine.manifest import Manifest
from pipelines.flows.data_cards import newest_data_card
from pipelines.flows.result import result
from pipelines.settings import Settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "toys.yaml").write_text("name: toys\nmodality: image\ninbox: inbox\n")
    return Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path / "recipes")


def finish(settings, stage, key, output, started=0.0):
    folder = settings.store / stage / key
    folder.mkdir(parents=True, exist_ok=True)
    made = Manifest(
        stage=stage, version=1, recipe="toys", given={}, observed={}, code="", request={}, output=output,
        started=started, seconds=1.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(made.model_dump_json())
    return f"{stage}/{key}"


def ran(settings, **outputs):
    file = journal.journal_file(settings.home, "r")
    journal.append(file, {"run": "r", "recipe": "toys.yaml", "flow": "train"})
    for stage, output in outputs.items():
        line = StageLine(
            stage=stage,
            reference=finish(settings, stage, "a", output),
            status="ran",
            started=1,
            seconds=2,
            memory=3,
        )
        journal.append(file, line.model_dump())
    return result("r", settings)


def test_a_run_with_a_champion(settings):
    found = ran(
        settings,
        plan={"decision": "scratch", "reason": "no champion"},
        evaluate={"metrics": {"accuracy": 0.8}},
        register={"name": "toys", "version": "3", "skipped": None},
        promote={"promoted": True},
        report={"page": {"path": "report.html", "sha256": "", "bytes": 1}},
    )
    stages = found.pop("stages")
    assert stages[0] == {"stage": "plan", "reference": "plan/a", "status": "ran", "seconds": 2.0, "memory": 3}
    assert found == {
        "run": "r",
        "recipe": "toys",
        "flow": "train",
        "skipped": {},
        "plan": {"decision": "scratch", "reason": "no champion"},
        "model": {"name": "toys", "version": "3", "promoted": True},
        "metrics": {"accuracy": 0.8},
        "report": str(settings.store / "report" / "a" / "report.html"),
    }


def test_a_run_without_a_model(settings):
    found = ran(settings, evaluate={"skipped": "no labels", "metrics": {}}, register={"skipped": "no labels"})
    assert found["skipped"] == {"evaluate": "no labels", "register": "no labels"}
    assert (found["model"], found["plan"], found["report"]) == (None, None, None)


def snapshot(settings, key, samples, started):
    folder = settings.store / "snapshot" / key
    folder.mkdir(parents=True)
    ids = np.array([f"{k:064x}" for k in range(samples)])
    split = np.where(np.arange(samples) % 2 == 0, "train", "test")
    Table(ids, np.full(samples, "s", object), split, np.zeros(samples, np.int64)).save(
        folder / "table.parquet"
    )
    output = {
        "version": "v.dir", "digest": "d", "samples": samples, "labelled": 1, "tests": 1, "classes": ["bag"],
        "table": Artifact.of(folder / "table.parquet", folder).model_dump(),
    }  # fmt: skip
    finish(settings, "snapshot", key, output, started)


def test_the_newest_snapshot_has_the_card_with_its_deliveries(settings):
    snapshot(settings, "a", 4, started=2.0)
    snapshot(settings, "b", 6, started=5.0)
    snapshot(settings, "c", 2, started=3.0)
    (settings.data / "toys").mkdir(parents=True)
    index = Index(deliveries=[Delivery(digest="d", name="may.zip", accepted=6, duplicates=0)])
    (settings.data / "toys" / "index.json").write_text(index.model_dump_json())
    card = newest_data_card("toys", settings).splitlines()
    assert "Snapshot `snapshot/b`." in card
    assert "| bag | 3 | 3 |" in card
    assert "| may.zip | 6 | 0 | 0 |" in card


def test_without_a_snapshot_the_message_says_what_to_run(settings):
    with pytest.raises(UserError, match="selfsup run toys --flow ingest"):
        newest_data_card("toys", settings)
