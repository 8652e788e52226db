"""One run of the product on one inbox, as a user starts it: `selfsup init`, `selfsup run`, in a home of its own.

Letters: M test images.
"""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow.parquet as pq

from benchmarks.unseen.image_set import Images
from benchmarks.unseen.inbox import write
from benchmarks.unseen.plan import Cell
from components.arrays import Ints
from components.files import write_atomically
from pipelines.engine.artifact import Artifact
from pipelines.engine.journal import stages
from pipelines.engine.processes import TOKEN, child_environ, end
from pipelines.engine.store import read_output
from pipelines.settings import Settings


class NoModelError(Exception):
    """The product ended without a model that was measured; the text is its own reason."""


@dataclass(frozen=True)
class Product:
    """A finished run."""

    settings: Settings
    references: dict[str, str]
    """Stage -> its finished run."""
    inbox: Path
    seconds: float
    """Wall time of `selfsup run`."""

    def output(self, stage: str) -> Any:
        """As the stage's own type."""
        return read_output(self.references[stage], self.settings.store)

    def file(self, stage: str, artifact: Artifact) -> Path:
        return self.settings.store / self.references[stage] / artifact.path


@dataclass(frozen=True)
class Tested:
    """The test images that the product was measured on; of near-duplicates it takes one."""

    numbers: Ints
    """[M] in the inbox, rising."""
    ids: list[str]
    """M ids of the samples."""
    truth: Ints
    """[M] classes, numbered as in the image set."""
    predicted: Ints
    """[M] classes that the registered model predicts."""


def run(cell: Cell, found: Images, folder: Path) -> Product:
    """Write the inbox of a cell into `folder` and run the product on it.

    A run that ended well is found again; one that was broken off begins anew, so that its seconds are those of a
    whole run.

    Raises:
        NoModelError: init or run failed, or the run measured no model.
    """
    settings, inbox = settings_of(folder), folder / "inbox"
    mark = folder / "seconds.json"
    if not mark.exists():
        shutil.rmtree(folder, ignore_errors=True)
        write(inbox, found, len(found) if cell.labels == "all" else cell.labels, cell.draw)
        selfsup(["init", cell.name, "--from", str(inbox)], settings, folder)
        began = time.monotonic()
        selfsup(["run", cell.name], settings, folder)
        seconds = round(time.monotonic() - began, 1)
        write_atomically(mark, lambda stream: stream.write(json.dumps(seconds).encode()))
    product = Product(settings, last_run(settings), inbox, float(json.loads(mark.read_bytes())))
    evaluated = product.output("evaluate")
    if evaluated.predictions is None:
        raise NoModelError(f"no model was measured: {evaluated.skipped}")
    return product


def last_run(settings: Settings) -> dict[str, str]:
    """Stage -> reference, of the newest run of a home."""
    last = max((settings.home / "runs").glob("*.jsonl"))  # a run's name begins with its time
    return {line.stage: line.reference for line in stages(settings.home, last.stem)}


def settings_of(folder: Path) -> Settings:
    """A home, data and recipes below `folder`; device and number of processes as for any run of this user."""
    own = Settings.load()
    places = {name: folder / name for name in ("home", "data", "recipes")}
    return Settings(**places, device=own.device, cpus=own.cpus)  # type: ignore[arg-type]


def tested(product: Product, found: Images) -> Tested:
    """What the registered model predicts, from the file of the stage evaluate."""
    evaluated = product.output("evaluate")
    table = pq.read_table(product.file("evaluate", evaluated.predictions), columns=["id", "label", "class"])
    columns = table.to_pydict()
    number = {sha256(file.read_bytes()).hexdigest(): int(file.stem) for file in product.inbox.glob("*.png")}
    rows = np.array([number[id] for id in columns["id"]], dtype=np.int64)
    order, class_of = np.argsort(rows), classes_of(found)
    truth, predicted = (
        np.array([class_of[name] for name in columns[column]], dtype=np.int64)[order]
        for column in ("label", "class")
    )
    rows = rows[order]
    if not (found.test[rows].all() and (found.labels[rows] == truth).all()):
        raise AssertionError("the product's test samples must be test images of the set, with their labels")
    return Tested(rows, [columns["id"][at] for at in order], truth, predicted)


def classes_of(found: Images) -> dict[str, int]:
    """Number of each class in the image set, by its name."""
    return {name: number for number, name in enumerate(found.classes)}


def own_candidates(product: Product) -> dict[str, float]:
    """Accuracy by name of what the product's evaluation measures beside the model: alone, teacher, scratch, probe,
    knn, as far as they are there."""
    intervals = product.output("evaluate").intervals
    names = ("alone", "teacher", "scratch", "probe", "knn")
    return {name: float(intervals[name].value) for name in names if name in intervals}


def selfsup(arguments: list[str], settings: Settings, folder: Path) -> None:
    """The command in a process of its own, which ends with this one; what it prints is appended to log.txt."""
    log, token = folder / "log.txt", uuid4().hex
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli.main", *arguments],
            cwd=folder, env={**child_environ(settings), TOKEN: token}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            code = process.wait()
        finally:
            if process.returncode is None:  # this process was told to stop
                end(process, token)
    if code:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        raise NoModelError(f"selfsup {arguments[0]} {how}: {lines[-1] if lines else 'it printed nothing'}")
