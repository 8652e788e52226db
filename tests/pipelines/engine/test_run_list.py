"""`selfsup runs` by page, recipe and state, and what is left of older runs."""

import os
import time
from pathlib import Path

import pytest

from pipelines.engine import journal, run_list
from pipelines.engine.run_list import DAY, page, shorten
from pipelines.maintenance.retention import of_runs, runs
from pipelines.settings import Settings

NOW = 1_800_000_000.0


def ran(
    home: Path, day: int, name: str, error: str | None = "", flow: str = "train", airflow: bool = True
) -> str:
    """A run `day` days before NOW, with one stage. error: None: it has not ended."""
    at = NOW - day * DAY
    run = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(at))}-000-{flow}_{name}"
    file = journal.journal_file(home, run)
    journal.append(file, {"run": run, "flow": flow, "started": at, "pid": 0, "airflow": airflow})
    line = dict(stage="ingest", reference=f"ingest/{run}", status="ran", started=at, seconds=1.0)
    journal.append(file, line)
    if error is not None:
        journal.append(file, {"ended": at + 1, "error": error})
    os.utime(file, (at, at))
    return run


def test_a_page_is_of_the_newest_and_of_what_is_asked_for(tmp_path: Path) -> None:
    a = [ran(tmp_path, day, "a", "" if day % 3 else "pretrain: no") for day in range(10, 0, -1)]
    b = ran(tmp_path, 5, "a_b", flow="score")
    store = tmp_path / "store"

    def shown(**asked: object) -> list[str]:
        return [one.run for one in page(tmp_path, store, **{"limit": 100, **asked})]  # type: ignore[arg-type]

    assert shown(limit=3) == a[-3:]
    everything = sorted([*a, b])
    assert shown(limit=3, before=everything[-3]) == everything[-6:-3]
    assert shown(recipe="a") == a
    assert shown(recipe="a_b") == [b]
    assert shown(recipe="a", state="failed") == [a[1], a[4], a[7]]
    assert shown(state="open") == []
    assert shown(before=a[1][:8]) == a[:1]


def test_older_runs_become_a_line_each_and_what_gc_asks_for_stays(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    old = [ran(tmp_path, day, "a", error) for day, error in ((50, ""), (45, "no"), (44, "no"), (40, ""))]
    since = [ran(tmp_path, 39, "a", "killed"), ran(tmp_path, 38, "a", None)]
    score, young = ran(tmp_path, 41, "a", flow="score"), ran(tmp_path, 20, "b")
    before = [line for one in page(tmp_path, tmp_path, 100) for line in one.lines if not line.startswith(" ")]
    roots = of_runs(runs(settings, {}))
    assert shorten(tmp_path, tmp_path, 30, NOW) == 3
    assert run_list.names(tmp_path) == sorted([old[3], *since, score, young], reverse=True)
    after = [line for one in page(tmp_path, tmp_path, 100) for line in one.lines if not line.startswith(" ")]
    assert after == before  # nothing of what is said in one line is lost
    assert [one.state for one in page(tmp_path, tmp_path, 100, recipe="a", state="failed")] == ["failed"] * 3
    assert set(of_runs(runs(settings, {}))) == set(roots)
    assert shorten(tmp_path, tmp_path, 30, NOW) == 0


def test_a_kill_between_the_line_and_the_deletion_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ran(tmp_path, 50, "a")
    ran(tmp_path, 40, "a")
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        shorten(tmp_path, tmp_path, 30, NOW)
    monkeypatch.undo()
    assert shorten(tmp_path, tmp_path, 30, NOW) == 1
    assert [one.run for one in page(tmp_path, tmp_path, 100)].count(first) == 1
