"""DAG runs whose recipe was deleted: Airflow never schedules them, so they are ended with a sentence."""

import contextlib
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.engine import journal
from pipelines.flows import airflow_home
from pipelines.settings import Settings

AFTER = "2026-11-30 15:00:00.250000"


def test_runs_without_a_recipe_are_ended_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    assert airflow_home.end_runs_without_recipe(settings) == []  # there is no database yet
    (tmp_path / "airflow").mkdir()
    now = datetime.now(UTC)
    dags = {  # is_stale, minutes since it was parsed
        "ingest_gone": (1, 10), "ingest_there": (0, 10), "ingest_edited": (1, 1),
    }  # fmt: skip
    runs = [(dag, f"{state}-1", AFTER, state) for dag in dags for state in ("queued", "running", "success")]
    with contextlib.closing(sqlite3.connect(tmp_path / "airflow" / "airflow.db")) as database, database:
        database.execute("create table dag (dag_id, is_stale, last_parsed_time)")
        database.execute("create table dag_run (dag_id, run_id, run_after, state)")
        parsed = [
            (d, s, str((now - timedelta(minutes=m)).replace(tzinfo=None))) for d, (s, m) in dags.items()
        ]
        database.executemany("insert into dag values (?, ?, ?)", parsed)
        database.executemany("insert into dag_run values (?, ?, ?, ?)", runs)
    asked: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: asked.append(command[3:]))
    ended = airflow_home.end_runs_without_recipe(settings)
    text = "ingest did not run: the recipe gone was deleted or cannot be read; `selfsup check gone`"
    assert asked == [["end", "ingest_gone", "queued-1", text], ["end", "ingest_gone", "running-1", text]]
    assert ended == [("gone", "20261130T150000-250-ingest_gone", text)] * 2
    head = journal.head_of(tmp_path, "20261130T150000-250-ingest_gone")
    assert (head["error"], head["flow"], "ended" in head) == (text, "ingest", True)
