"""The home does not grow: an idle look leaves nothing, and a year of work with daily upkeep stays small."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.engine import journal
from pipelines.engine.run_list import DAY
from pipelines.flows import due
from pipelines.operations import upkeep
from pipelines.operations.upkeep import delete_older
from pipelines.recipe import load
from pipelines.settings import Settings

START = 1_767_225_600.0  # 2026-01-01
STAGES = ("ingest", "snapshot", "plan", "pretrain", "embed", "pseudo_label", "finetune", "evaluate", "register",
          "promote", "report")  # fmt: skip


def test_only_what_is_older_goes_and_folders_with_it(tmp_path: Path) -> None:
    old, young = tmp_path / "a" / "old.log", tmp_path / "b" / "young.log"
    for file in (old, young):
        file.parent.mkdir()
        file.write_text("x")
    (tmp_path / "latest").symlink_to(old.parent)
    for path in (old, old.parent, young.parent):
        os.utime(path, (100.0, 100.0))
    assert delete_older(tmp_path, 1000.0) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b", "latest", "young.log"]
    assert delete_older(tmp_path, time.time() + 10) == 2  # the link counts as a file
    assert list(tmp_path.iterdir()) == []
    assert delete_older(tmp_path / "nowhere", 1000.0) == 0


def run_of(home: Path, at: float, number: int, stages: tuple[str, ...], flow: str) -> None:
    """A journal and the logs of its tasks, as large as real ones, last written at `at`."""
    name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(at))}-{number:03d}-{flow}_toys"
    head = {"run": name, "recipe": "/srv/recipes/toys.yaml", "flow": flow, "reason": "", "airflow": True}
    lines = [{**head, "started": at, "pid": 4711}]
    for stage in stages:
        reference = f"{stage}/{number:016x}"
        lines.append({"stage": stage, "reference": reference, "status": "ran", "started": at, "seconds": 12.345,
                      "memory": 123456789, "error": "", "mistake": False, "passing": False})  # fmt: skip
    file = journal.journal_file(home, name)
    file.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"ended": at + 60, "error": ""}]))
    logs = [
        home / "airflow" / "logs" / f"dag_id={flow}_toys" / f"run_id={name}" / f"task_id={stage}"
        for stage in stages
    ]
    for log in logs:
        log.mkdir(parents=True)
        (log / "attempt=1.log").write_bytes(b"x" * 6000)
    for path in [file, *(path for log in logs for path in (log / "attempt=1.log", log, log.parent))]:
        os.utime(path, (at, at))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_year_of_ticks_stays_below_200_mb_and_runs_answers_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look a minute, a delivery an hour, a training a day, with real files. Idle looks are counted by what two
    thousand of them leave: nothing, but the time of one file."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "toys.yaml").write_text("name: toys\nmodality: {name: image}\ninbox: inbox\n")
    settings = Settings(home=tmp_path / "home", recipes=tmp_path / "recipes", data=tmp_path / "data")
    monkeypatch.setattr(upkeep, "clean_database", lambda before: None)  # measured on a real one
    (settings.home / "runs").mkdir(parents=True)

    def size() -> int:
        return sum(f.stat().st_size for f in settings.home.rglob("*") if f.is_file())

    class Named:
        reference = "ingest/0123456789abcdef"

    monkeypatch.setattr(due, "identify", lambda stage, *_: Named())
    folder = settings.store / "ingest" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    before, recipe = size(), load(tmp_path / "recipes" / "toys.yaml")
    monkeypatch.setattr(due, "made", lambda *_: {})
    for _ in range(2000):
        assert due.due(recipe, settings, time.time()) == []
    idle = size() - before
    assert idle == 0

    most = 0
    for day in range(365):
        now = START + day * DAY
        for hour in range(24):
            run_of(settings.home, now + hour * 3600, hour, STAGES[:2], "ingest")
        run_of(settings.home, now + 100, 500, STAGES, "train")
        most = max(most, size()) if day % 20 == 0 or day == 364 else most
        upkeep.upkeep(settings, now + DAY)
    total = size()
    command = [sys.executable, "-m", "pipelines.cli.main", "runs"]
    took = []
    for _ in range(5):
        began = time.perf_counter()
        done = subprocess.run(
            command, env={**os.environ, **settings.environ()}, capture_output=True, text=True
        )
        took.append(time.perf_counter() - began)
    lines = done.stdout.splitlines()
    assert sum(not line.startswith(" ") for line in lines) == 21  # a page, and how to see more
    began = time.process_time()
    from pipelines.engine.run_list import page

    assert len(page(settings.home, settings.store, 20)) == 20
    listing = time.process_time() - began
    print(f"a year: {total / 1e6:.1f} MB at its end, {most / 1e6:.1f} MB at most; runs {min(took):.2f} s, of which "
          f"{listing:.3f} s of processor time are its own")  # fmt: skip
    assert most < 200e6
    assert listing < 0.5
    assert len(page(settings.home, settings.store, 1 << 62)) == 365 * 25
