"""Nothing that is needed is ever deleted: a random store, locks, and runs that may be taken up again."""

import fcntl
import os
import random
from pathlib import Path

import pytest

from components.errors import UserError
from pipelines.engine.journal import COPY, append, journal_file
from pipelines.engine.store_lock import used
from pipelines.flows.run import home_lock
from pipelines.maintenance import gc
from pipelines.maintenance.retention import Root
from pipelines.settings import Settings
from tests.pipelines.maintenance.test_retention import graph, journal, manifest, name

SAID: list[str] = []


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(gc, "of_models", lambda *_: [])  # MLflow has a test of its own
    SAID.clear()
    return Settings(home=tmp_path / "home")


def finish(settings: Settings, reference: str, given: list[str]) -> None:
    folder = settings.store / reference
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest(reference, given).model_dump_json())
    (folder / "a.bin").write_bytes(reference.encode() * 10)


def part(settings: Settings, number: int, touched: float) -> Path:
    folder = settings.store / f"embed/.{number:016x}.part"
    folder.mkdir(parents=True)
    (folder / "half.npy").write_bytes(b"x" * 1000)
    os.utime(folder / "half.npy", (touched, touched))
    os.utime(folder, (touched, touched))
    return folder


@pytest.mark.parametrize("seed", range(15))
def test_a_random_store_keeps_what_is_needed_byte_by_byte(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    edges, rng = graph(seed), random.Random(seed)
    for reference, given in edges.items():
        finish(settings, reference, given)
    some = rng.sample(list(edges), len(edges) // 6)
    monkeypatch.setattr(gc, "of_models", lambda *_: [Root(reference, "champion") for reference in some])
    picked = rng.sample(list(edges), min(3, len(edges)))
    latest = {
        reference.partition("/")[0]: reference for reference in picked
    }.values()  # a run has each stage once
    journal(settings.home, "1-toys", "train", 1.0, "", *latest)
    slow = {*some, *latest}
    while more := {up for r in slow for up in edges.get(r, ())} - slow:
        slow |= more
    before = {p: p.read_bytes() for r in slow for p in (settings.store / r).glob("*")}
    told = gc.gc(settings, yes=False, say=SAID.append)
    assert all((settings.store / reference / "a.bin").exists() for reference in edges)
    assert {item.path for item in told.waste} == {settings.store / r for r in edges.keys() - slow}
    assert told.bytes == sum(
        p.stat().st_size for r in edges.keys() - slow for p in (settings.store / r).glob("*")
    )
    gc.gc(settings, yes=True, say=SAID.append)
    assert {p: p.read_bytes() for p in before} == before
    assert {f"{f.parent.parent.name}/{f.parent.name}" for f in settings.store.glob("*/*/manifest.json")} == (
        slow & edges.keys()
    )
    assert gc.gc(settings, yes=False, say=SAID.append).waste == []


def test_it_says_sizes_before_and_deletes_only_when_told(settings: Settings) -> None:
    finish(settings, name(0), [])
    gc.gc(settings, yes=False, say=SAID.append)
    size = sum(p.stat().st_size for p in (settings.store / name(0)).glob("*"))
    assert SAID[0].split()[:2] == [str(size), "B"]
    assert f"run {name(0)} of toys" in SAID[0]
    assert "nothing was deleted: `selfsup gc --yes`" in SAID[-1]
    assert (settings.store / name(0) / "manifest.json").exists()


def test_a_run_or_a_stage_at_work_is_waited_for(settings: Settings) -> None:
    finish(settings, name(0), [])
    with home_lock(settings.home), pytest.raises(UserError, match="another run"):
        gc.gc(settings, yes=True, say=SAID.append)
    with used(settings), pytest.raises(UserError, match="a stage is at work"):
        gc.gc(settings, yes=True, say=SAID.append)
    shared = settings.model_copy(update={"store_remote": "s3://bucket"})
    elsewhere = shared.model_copy(update={"store": settings.home.parent / "another-machines"})
    with used(elsewhere), pytest.raises(UserError, match=f"a stage is at work on {settings.home}:"):
        gc.gc(shared, yes=True, say=SAID.append)  # one home, and a store for each machine
    assert (settings.store / name(0) / "manifest.json").exists()


def test_unfinished_stages_go_unless_somebody_may_go_on_with_them(settings: Settings) -> None:
    journal(settings.home, "1-toys", "train", 100.0, "", name(0))
    journal(settings.home, "2-toys", "train", 200.0, None)  # killed: it resumes what it had begun
    old, resumed, busy = part(settings, 1, 150.0), part(settings, 2, 250.0), part(settings, 3, 150.0)
    with busy.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        gc.gc(settings, yes=True, say=SAID.append)
        assert [p.exists() for p in (old, resumed, busy)] == [False, True, True]
    journal(settings.home, "3-toys", "train", 300.0, "", name(0))  # somebody has run again, in full
    gc.gc(settings, yes=True, say=SAID.append)
    assert not resumed.exists()
    assert not busy.exists()


def test_leftovers_of_runs_that_have_ended(settings: Settings) -> None:
    journal(settings.home, "1-toys", "train", 1.0, "")
    journal(settings.home, "2-toys", "train", 2.0, None)
    for run in ("1-toys", "2-toys"):
        for suffix in (".live", ".now"):
            (settings.home / "runs" / f"{run}{suffix}").write_text("{}\n")
    (settings.home / "ray" / "session" / "logs").mkdir(parents=True)
    (settings.home / "ray" / "session" / "logs" / "raylet.out").write_text("x" * 50)
    elsewhere = settings.home.parent / "selfsup-ray-x"  # the home's name was too long for a socket
    (elsewhere / "logs").mkdir(parents=True)
    (settings.home / "ray" / elsewhere.name).symlink_to(elsewhere)
    (settings.home / "ray" / "gone").symlink_to(settings.home / "nowhere")
    (settings.home / "choose" / "killed").mkdir(parents=True)
    for model in ("toys-1", "toys-2"):
        (settings.home / "reproduce" / model / "store").mkdir(parents=True)
    with home_lock(settings.home / "reproduce" / "toys-2"):
        gc.gc(settings, yes=True, say=SAID.append)
    left = {p.relative_to(settings.home).as_posix() for p in settings.home.rglob("*")}
    assert {"runs/1-toys.jsonl", "runs/2-toys.jsonl", "runs/2-toys.live", "reproduce/toys-2/store"} <= left
    assert not left & {
        "runs/1-toys.live",
        "runs/1-toys.now",
        "ray/session",
        "reproduce/toys-1",
        "choose/killed",
    }
    assert not list((settings.home / "ray").iterdir())
    assert not elsewhere.exists()


def test_a_manifest_that_cannot_be_read_stops_it(settings: Settings) -> None:
    finish(settings, name(0), [])
    (settings.store / name(0) / "manifest.json").write_text('{"stage": "sna')
    with pytest.raises(UserError, match="cannot be read"):
        gc.gc(settings, yes=True, say=SAID.append)
    assert (settings.store / name(0) / "a.bin").exists()


def test_an_open_run_of_airflow_holds_it_off_between_two_stages(settings: Settings) -> None:
    """No stage is at work and no lock is held: its next stage may ask for what the last one gave."""
    finish(settings, name(0), [])
    run = "20260101T000000-000-train_toys"
    append(journal_file(settings.home, run), {"run": run, "flow": "train", "started": 1.0, "airflow": True})
    copy = settings.home / "runs" / f"{run}{COPY}"
    copy.touch()
    with pytest.raises(UserError, match=f"run {run} is open in Airflow: wait for it.*remove {copy}"):
        gc.gc(settings, yes=True, say=SAID.append)
    assert (settings.store / name(0)).exists()
    append(journal_file(settings.home, run), {"ended": 2.0, "error": ""})
    gc.gc(settings, yes=True, say=SAID.append)
    assert not (settings.store / name(0)).exists()
