"""The DAGs of a real recipe, with the real stages and a real MLflow: ingest, score and promote, without a scheduler."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.registry.journal import CHAMPION, PREVIOUS
from pipelines.registry.registry import journal_of, registry_of
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
RECIPE = "name: toys\nmodality: {name: image, size: 16, channels: 1}\ninbox: ../inbox\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("inbox", "recipes"):
        (tmp_path / name).mkdir()
    (tmp_path / "recipes" / "toys.yaml").write_text(RECIPE)
    deliver(tmp_path, "first", 0)
    return tmp_path


def deliver(place: Path, name: str, seed: int) -> None:
    (place / "inbox" / name).mkdir()
    for row, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (12, 16, 16), np.uint8)):
        Image.fromarray(pixels).save(place / "inbox" / name / f"{row}.png")


def settings(place: Path) -> Settings:
    return Settings(home=place / "home", data=place / "data", recipes=place / "recipes", device="cpu")


def start(place: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **settings(place).environ(), "PYTHONPATH": str(ROOT), "HOME": str(place)}
    return subprocess.run(
        [sys.executable, *command], cwd=place, env=environ, capture_output=True, text=True, timeout=500
    )


def flow(place: Path, name: str) -> None:
    done = start(place, "-m", "pipelines.cli.main", "run", "recipes/toys.yaml", "--airflow", "--flow", name)
    assert done.returncode == 0, done.stderr


def ask(place: Path, **conf: str | None) -> tuple[bool, str]:
    """A run of promote_toys: whether it succeeded, and its log."""
    code = (
        "import json, sys; from pipelines.flows.airflow_home import airflow_environ; import os; "
        "from pipelines.settings import Settings; os.environ.update(airflow_environ(Settings.load())); "
        "from pipelines.flows.airflow_home import dag_run, migrate; from pathlib import Path; "
        "migrate(Path(os.environ['AIRFLOW_HOME'])); "
        "sys.exit(0 if dag_run('promote_toys', json.loads(sys.argv[1])) else 1)"
    )
    done = start(place, "-c", code, json.dumps(conf))
    return done.returncode == 0, done.stdout + done.stderr


def rows(place: Path, query: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(place / "home" / "airflow" / "airflow.db") as database:
        found = database.execute(query).fetchall()
    database.close()
    return found


EVENTS = (
    "select asset.uri, asset_event.source_dag_id, asset_event.source_task_id from asset_event "
    "join asset on asset.id = asset_event.asset_id"
)
WAITING = "select target_dag_id from asset_dag_run_queue order by target_dag_id"


@pytest.mark.slow
def test_from_a_delivery_to_an_event_and_to_scores(place: Path) -> None:
    flow(place, "ingest")
    told = [(f"selfsup://{kind}/toys", "ingest_toys", "snapshot") for kind in ("champion", "data")]
    assert sorted(rows(place, EVENTS)) == told
    assert rows(place, WAITING) == [("monitor_toys",), ("score_toys",), ("train_toys",)]
    assert rows(place, "select slots from slot_pool where pool = 'accelerator'") == [(1,)]

    # a training and drift figures that have seen these data: nothing more is told, whatever was planned
    store = settings(place).store
    (snapshot,) = (store / "snapshot").glob("[!.]*")
    seen = json.loads((snapshot / "manifest.json").read_text())
    for stage in ("report", "monitor"):
        (store / stage / "seen").mkdir(parents=True)
        finished = {**seen, "stage": stage, "given": {"snapshot": f"snapshot/{snapshot.name}"}}
        (store / stage / "seen" / "manifest.json").write_text(json.dumps(finished))
    flow(place, "ingest")
    assert len(rows(place, EVENTS)) == 2
    deliver(place, "second", 1)
    flow(place, "ingest")
    assert len(rows(place, EVENTS)) == 4

    flow(place, "score")
    assert rows(place, "select task_id, state from task_instance where dag_id = 'score_toys' order by task_id") == [
        ("close", "success"), ("ingest", "success"), ("score", "success"), ("snapshot", "success"),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_person_moves_the_champion(place: Path) -> None:
    (place / "home" / "airflow").mkdir(parents=True)
    done, log = ask(place, action="rollback", reason="to see")
    assert not done
    assert "no model 'toys' is registered yet" in log

    registry = registry_of("toys", settings(place))
    client = registry.client
    client.create_registered_model("toys")
    run = client.create_run(client.create_experiment("toys", str(place / "artifacts"))).info
    for _ in range(2):
        client.create_model_version("toys", run.artifact_uri, run.run_id)
    done, log = ask(place, action="override", version="1", name="ada", reason="the first one")
    assert done, log
    done, log = ask(place, action="override", version="2", name="ada", reason="better for us")
    assert done, log
    done, log = ask(place, action="rollback", reason="worse after all")
    assert done, log
    assert (registry.alias(CHAMPION), registry.alias(PREVIOUS)) == ("1", "2")
    told = [
        (e.who, e.action, e.to_version)
        for e in journal_of("toys", settings(place)).entries()
        if e.state == "done"
    ]
    assert told == [("ada", "override", "1"), ("ada", "override", "2"), ("dag_test", "rollback", "1")]
    assert "toys promoted: version 1 is the champion (version 2 was it): worse after all" in log
