"""Which flows are behind: by finished trainings and scores, whatever was planned or told."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from components.registry.journal import Entry
from pipelines.engine import journal
from pipelines.flows import due
from pipelines.flows.due import AGAIN, LONGEST, behind
from pipelines.recipe import Recipe, load
from pipelines.settings import Settings

TEXT = "name: small\nmodality: {name: image}\ninbox: inbox\n"
NOW = 1_800_000_000.0
HOUR = 3600.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "recipes").mkdir()
    file = tmp_path / "recipes" / "small.yaml"
    file.write_text(TEXT)
    os.utime(file, (1.0, 1.0))
    return Settings(home=tmp_path / "home", recipes=tmp_path / "recipes")


@pytest.fixture
def recipe(settings: Settings) -> Recipe:
    return load(settings.recipes / "small.yaml")


def made(
    settings: Settings,
    stage: str,
    key: str,
    started: float,
    output: dict[str, Any] | None = None,
    **given: str,
) -> str:
    folder = settings.store / stage / key
    folder.mkdir(parents=True)
    manifest = dict(
        stage=stage, version=1, recipe="small", given=given, observed={}, code="c", request={},
        output=output or {}, started=started, seconds=1.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return f"{stage}/{key}"


def ran(settings: Settings, run: str, ended: float | None, *lines: tuple[str, str], **failed: Any) -> None:
    """A run of Airflow. lines: (reference, status); failed: of the last one's line."""
    file = journal.journal_file(settings.home, run)
    journal.append(file, {"run": run, "airflow": True, "started": 1.0, "pid": 0})
    for number, (reference, status) in enumerate(lines):
        line = dict(
            stage=reference.partition("/")[0], reference=reference, status=status, started=1.0, seconds=0.0
        )
        journal.append(file, line | (failed if number == len(lines) - 1 else {}))
    if ended is not None:
        journal.append(file, {"ended": ended, "error": "x" if failed else ""})
    else:
        file.with_name(f"{run}{journal.COPY}").touch()


def test_a_training_is_due_until_one_has_finished_whatever_was_planned(settings, recipe) -> None:
    assert not behind("train", recipe, settings, NOW)  # there are no data
    first = made(settings, "snapshot", "a" * 16, 1.0)
    assert behind("train", recipe, settings, NOW)
    made(settings, "plan", "p" * 16, 2.0, snapshot=first)
    assert behind("train", recipe, settings, NOW)
    made(settings, "report", "r" * 16, 3.0, snapshot=first)
    assert not behind("train", recipe, settings, NOW)
    made(settings, "snapshot", "b" * 16, 4.0)
    assert behind("train", recipe, settings, NOW)
    manual = recipe.model_copy(update={"retrain": "manual"})
    assert not behind("train", manual, settings, NOW)


def test_a_training_that_failed_is_due_again_after_a_time_that_doubles(settings, recipe) -> None:
    snapshot = made(settings, "snapshot", "a" * 16, 1.0)
    lines = ((snapshot, "ran"), ("pretrain/x", "failed"))
    waited = []
    for count in range(1, 8):
        ran(settings, f"2026010{count}T000000-000-train_small", NOW, *lines, error="was killed", passing=True)
        hours = next(h for h in range(1, 100) if behind("train", recipe, settings, NOW + h * HOUR))
        waited.append(hours * HOUR)
    assert waited == [AGAIN, 2 * AGAIN, 4 * AGAIN, 8 * AGAIN, 16 * AGAIN, LONGEST, LONGEST]

    # one that went well meanwhile, for other data, begins the count anew
    ran(settings, "20260201T000000-000-train_small", NOW, ("snapshot/b", "ran"))
    assert behind("train", recipe, settings, NOW + 1)


def test_a_mistake_is_tried_again_when_the_recipe_was_changed(settings, recipe) -> None:
    snapshot = made(settings, "snapshot", "a" * 16, 1.0)
    lines = ((snapshot, "ran"), ("pretrain/x", "failed"))
    ran(settings, "20260101T000000-000-train_small", NOW, *lines, error="nan", mistake=True)
    assert not behind("train", recipe, settings, NOW + 1000 * LONGEST)
    os.utime(recipe.file, (NOW + 1, NOW + 1))
    assert behind("train", recipe, settings, NOW + 2)
    # a delivery that was refused is the inbox's mistake, not the recipe's
    ran(
        settings,
        "20260102T000000-000-train_small",
        NOW + 2,
        ("ingest/x", "failed"),
        error="bad",
        mistake=True,
    )
    assert not behind("train", recipe, settings, NOW + 3)
    assert behind("train", recipe, settings, NOW + 3 * LONGEST)


def test_an_open_run_looks_again_itself(settings, recipe) -> None:
    snapshot = made(settings, "snapshot", "a" * 16, 1.0)
    ran(settings, "20260101T000000-000-train_small", None, (snapshot, "ran"))
    assert not behind("train", recipe, settings, NOW)
    assert behind("monitor", recipe, settings, NOW)  # that run is another flow's
    ran(settings, "20260102T000000-000-train_very_small", None, (snapshot, "ran"))  # another recipe's
    (settings.home / "runs" / f"20260101T000000-000-train_small{journal.COPY}").unlink()  # it was broken off
    assert behind("train", recipe, settings, NOW)


def test_scores_follow_data_and_champion(settings, recipe) -> None:
    first = made(settings, "snapshot", "a" * 16, 1.0)
    assert not behind("score", recipe, settings, NOW)  # nobody can score
    crowned(settings, "1")
    assert behind("score", recipe, settings, NOW)
    made(settings, "score", "s" * 16, 2.0, {"champion": "1"}, snapshot=first)
    assert not behind("score", recipe, settings, NOW)
    crowned(settings, "2", "abandoned")  # refused
    assert not behind("score", recipe, settings, NOW)
    crowned(settings, "2")
    assert behind("score", recipe, settings, NOW)
    made(settings, "score", "t" * 16, 3.0, {"champion": "2"}, snapshot=first)
    assert not behind("score", recipe, settings, NOW)
    crowned(settings, "1")  # a rollback: its scores are there
    assert not behind("score", recipe, settings, NOW)
    made(settings, "snapshot", "b" * 16, 4.0)
    assert behind("score", recipe, settings, NOW)


def crowned(settings: Settings, version: str, state: Any = "done") -> None:
    file = settings.home / "journal" / "small.jsonl"
    file.parent.mkdir(exist_ok=True)
    entry = Entry.now("me", "promote", state, None, version, "better")
    with file.open("a") as stream:
        stream.write(entry.model_dump_json() + "\n")


def test_an_inbox_has_news_until_they_are_ingested_or_refused(
    settings: Settings, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Named:
        def __init__(self, reference: str) -> None:
            self.reference = reference

    inbox = {"ingest": "ingest/1", "snapshot": "snapshot/1"}
    monkeypatch.setattr(due, "identify", lambda stage, *_: Named(inbox[stage]))
    assert due.news(recipe, settings, NOW)
    made(settings, "ingest", "1", 1.0)
    assert due.news(recipe, settings, NOW)  # no snapshot of it yet
    made(settings, "snapshot", "1", 2.0)
    assert not due.news(recipe, settings, NOW)

    inbox["ingest"] = "ingest/2"
    assert due.news(recipe, settings, NOW)
    lines = (("ingest/2", "failed"),)
    ran(settings, "20260101T000000-000-ingest_small", NOW, *lines, error="bad", mistake=True)
    assert not due.news(recipe, settings, NOW + 1000 * LONGEST)
    inbox["ingest"] = "ingest/3"  # something was taken away, or came
    assert due.news(recipe, settings, NOW)
