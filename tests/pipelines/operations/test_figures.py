"""What `selfsup status` counts: a hand-made home, its backlog and its failures; and the same for Prometheus."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from components.registry.journal import Entry
from pipelines.engine import journal
from pipelines.operations import figures, metrics, supervisor
from pipelines.operations.figures import Backlog, lines, status
from pipelines.operations.supervisor import State
from pipelines.settings import Settings


def made(
    settings: Settings, stage: str, key: str, started: float, output: dict[str, Any], **given: str
) -> str:
    folder = settings.store / stage / key
    folder.mkdir(parents=True)
    manifest = dict(
        stage=stage, version=1, recipe="toys", given=given, observed={}, code="c", request={}, output=output,
        started=started, seconds=1.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return f"{stage}/{key}"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Five samples, three of them planned for and trained on, two scored; three files that nobody has taken."""
    for folder in ("recipes", "inbox"):
        (tmp_path / folder).mkdir()
    text = "name: toys\nmodality: {name: image}\ninbox: ../inbox\nschedule: '0 * * * *'\n"
    (tmp_path / "recipes" / "toys.yaml").write_text(text)
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path / "recipes")
    now = time.time()
    made(settings, "ingest", "1", now - 100, {})
    first = made(settings, "snapshot", "1", now - 90, {"samples": 2})
    second = made(settings, "snapshot", "2", now - 60, {"samples": 3})
    made(settings, "snapshot", "3", now - 30, {"samples": 5})
    for stage in ("plan", "report"):
        made(settings, stage, "2", now - 50, {}, snapshot=second)
    made(settings, "score", "1", now - 80, {"champion": "4"}, snapshot=first)
    made(settings, "score", "2", now - 50, {"champion": "3"}, snapshot=second)
    file = settings.home / "journal" / "toys.jsonl"
    file.parent.mkdir()
    file.write_text(Entry.now("me", "promote", "done", None, "4", "better").model_dump_json() + "\n")
    for number in range(3):
        (tmp_path / "inbox" / f"{number}.png").write_bytes(b"x")
    for run, ended, error in (
        ("1", now - 2 * 86400, "old"),
        ("2", now - 60, "pretrain: no"),
        ("3", now - 9, ""),
    ):
        name = f"20260101T00000{run}-000-train_toys"
        head = {"run": name, "started": ended - 1, "ended": ended, "error": error, "airflow": True}
        journal.append(journal.journal_file(settings.home, name), head)
    states = {name: State("RUNNING", now - 60, 7, "") for name in (*figures.SERVICES, "watchdog")}
    monkeypatch.setattr(supervisor, "states", lambda settings: states)
    monkeypatch.setattr(figures, "answers", lambda page, healthy: True)
    return settings


def test_a_healthy_platform_and_its_backlog(settings: Settings) -> None:
    found = status(settings)
    assert found.wrong == []
    toys = found.recipes["toys"]
    assert toys.backlog == Backlog(files=3, planned=2, trained=2, scored=3)
    assert (toys.champion, toys.ended, toys.failed) == ("4", "done", 1)
    assert toys.next is not None
    assert toys.next % 3600 == 0
    assert 0 <= toys.next - found.time <= 3600
    assert found.failures == {"20260101T000002-000-train_toys": "pretrain: no"}
    assert found.queue is None  # Airflow has no database yet
    assert [disk.total > disk.free > 0 for disk in found.disks]
    text = lines(found)
    assert text[-1] == "all is well"
    assert "  backlog: 3 files in the inbox, 2 samples to plan, 2 to train on, 3 to score" in text


def test_a_wounded_platform(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    states = supervisor.states(settings)
    states["scheduler"] = State("BACKOFF", 0.0, 0, "exited too quickly")
    monkeypatch.setattr(figures, "answers", lambda page, healthy: "health" in page and "api" in page)
    name = "20260101T000004-000-train_toys"
    journal.append(
        journal.journal_file(settings.home, name), {"ended": time.time(), "error": "finetune: no labels"}
    )
    assert status(settings).wrong == [
        "scheduler is BACKOFF", "mlflow runs and does not answer", "toys: its last run failed: finetune: no labels",
    ]  # fmt: skip
    monkeypatch.setattr(supervisor, "states", lambda settings: {})
    assert status(settings).wrong[0] == "nothing is up: `make up`"


def test_prometheus_is_given_the_same(settings: Settings) -> None:
    registry = CollectorRegistry()
    registry.register(metrics.Figures(settings))
    text = generate_latest(registry).decode()
    for line in (
        'selfsup_service_up{service="scheduler"} 1.0',
        'selfsup_backlog{recipe="toys",step="files"} 3.0',
        'selfsup_backlog{recipe="toys",step="scored"} 3.0',
        'selfsup_champion_version{recipe="toys"} 4.0',
        'selfsup_runs_failed{recipe="toys"} 1.0',
        "selfsup_wrong 0.0",
    ):
        assert line in text
