"""`selfsup doctor` finds what was broken on purpose, one thing at a time, and says how to mend it."""

import json
import os
import sqlite3
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from components.registry.journal import Entry
from pipelines.engine import journal
from pipelines.operations import doctor
from pipelines.settings import Settings


class Registry:
    """What MLflow says of the champion."""

    def __init__(self, version: str) -> None:
        self.version = version

    def alias(self, name: str) -> str:
        return self.version


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home in which all is well."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "toys.yaml").write_text("name: toys\nmodality: {name: image}\ninbox: inbox\n")
    made = Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path / "recipes")
    made.home.mkdir(mode=0o700)
    for name in ("airflow", "logs"):
        (made.home / name).mkdir(mode=0o700)
    for file in (made.home / "airflow" / "airflow.db", made.home / "mlflow" / "mlflow.db"):
        file.parent.mkdir(exist_ok=True)
        with sqlite3.connect(file) as database:
            database.execute("create table a (b)")
            database.executemany("insert into a values (?)", [("x" * 500,)] * 200)
        database.close()
        file.chmod(0o600)
    folder = made.store / "embed" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "a.npy").write_bytes(b"12345")
    artifact = {"path": "a.npy", "sha256": "0" * 64, "bytes": 5}
    (folder / "manifest.json").write_text(
        json.dumps({"output": {"parts": [{"file": artifact}]}, "recipe": "toys"})
    )
    journal.append(journal.journal_file(made.home, "one"), {"run": "one", "ended": 1.0, "error": ""})
    (made.home / "journal").mkdir()
    entry = Entry.now("me", "promote", "done", None, "3", "better").model_dump_json()
    (made.home / "journal" / "toys.jsonl").write_text(entry + "\n")
    monkeypatch.setattr(doctor, "registry_of", lambda model, settings: Registry("3"))
    monkeypatch.setattr(doctor, "disagreement", lambda settings: None)
    monkeypatch.setattr(doctor, "status", lambda settings: well(settings))
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: locked()[name])
    return made


def well(settings: Settings) -> doctor.Status:
    disk = {"place": settings.home, "free": 10**11, "total": 10**12}
    return doctor.Status.model_validate(
        {"time": time.time(), "home": settings.home, "services": {"mlflow": {"state": "RUNNING"}}, "recipes": {},
         "disks": [disk], "memory": 1, "memory_total": 2, "queue": None, "failures": {}, "wrong": []}
    )  # fmt: skip


@cache
def locked() -> dict[str, str]:
    return doctor.locked(doctor.ROOT / "requirements.lock")


def test_of_a_lock_the_lines_for_this_python_count(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "torch==2.13.0+cpu\nscipy-stubs==1.17 ; python_version < '3'\nscipy-stubs==1.18 ; python_version >= '3'\n"
    )
    assert doctor.locked(lock) == {"torch": "2.13.0", "scipy-stubs": "1.18"}


def torn(settings: Settings) -> None:
    file = settings.home / "mlflow" / "mlflow.db"
    file.write_bytes(file.read_bytes()[:5000] + os.urandom(40_000))


def newer(settings: Settings) -> None:
    os.utime(settings.home / "runs" / "one.jsonl", (time.time() + 9000, time.time() + 9000))


def short(settings: Settings) -> None:
    (settings.store / "embed" / "0123456789abcdef" / "a.npy").write_bytes(b"1234")


def unpushed(settings: Settings) -> None:
    text = f"outs:\n- md5: {'a' * 32}.dir\n  size: 1\n  nfiles: 1\n  hash: md5\n  path: data\n"
    settings.data.with_name("data.dvc").write_text(text)


def lost(settings: Settings) -> None:
    folder = settings.data / "toys"
    folder.mkdir(parents=True)
    shard = {"file": "shards/gone.parquet", "rows": 1, "digest": "d", "delivery": "."}
    (folder / "index.json").write_text(json.dumps({"shards": [shard]}))


@pytest.mark.parametrize(
    ("broken", "what", "said"),
    [
        (lambda s: (s.home / "logs").chmod(0o755), "rights", "1 path others may read: "),
        (torn, "databases", "mlflow.db: "),
        (newer, "clocks", "s newer than the clock"),
        (short, "store and manifests", "1 file missing or of another size: "),
        (unpushed, "DVC remote", "the version of data.dvc is not in "),
        (lost, "data", "cannot be checked: "),
    ],
)
def test_what_is_broken_is_found_and_nothing_else(
    settings: Settings, broken: Callable[[Settings], object], what: str, said: str
) -> None:
    assert [finding for finding in doctor.examine(settings) if finding.mend is not None] == []
    broken(settings)
    (found,) = [finding for finding in doctor.examine(settings) if finding.mend is not None]
    assert found.what == what
    assert said in found.found


def test_a_champion_by_another_word_a_full_disk_and_a_dead_service(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "registry_of", lambda model, settings: Registry("2"))
    full = {"place": settings.home, "free": 10**9, "total": 10**12}
    changed = {
        "disks": [full],
        "services": {"mlflow": {"state": "RUNNING"}, "scheduler": {"state": "BACKOFF"}},
    }
    now = doctor.Status.model_validate({**well(settings).model_dump(), **changed})
    monkeypatch.setattr(doctor, "status", lambda settings: now)
    monkeypatch.setattr(
        doctor.importlib.metadata, "version", lambda name: "0.1" if name == "torch" else locked()[name]
    )
    found = {f.what: f.found for f in doctor.examine(settings) if f.mend is not None}
    assert found == {
        "versions": f"torch 0.1, locked {locked()['torch']} (1 in all)",
        "disks": f"{settings.home} 1.0 GB free",
        "registry and journals": "toys: champion 3 by the journal, 2 in MLflow",
        "services": "not well: scheduler",
    }
