"""Measure cells one after the other, each the product and what stands beside it, and add a line for each."""

import fcntl
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.unseen.beside import Predicted, Steps, beside, data_of
from benchmarks.unseen.cache import load
from benchmarks.unseen.image_set import Images
from benchmarks.unseen.lines import FILE, MODEL, Line, append, done, pack, read
from benchmarks.unseen.packages import missing
from benchmarks.unseen.plan import Cell
from benchmarks.unseen.product import NoModelError, classes_of, own_candidates, run, tested
from benchmarks.unseen.sets import SETS
from components.errors import UserError
from pipelines.engine.code_digest import ROOT
from pipelines.registry.provenance import git_commit

Say = Callable[[str], None]


def measure(
    cells: Sequence[Cell], folder: Path, code: str, say: Say = print, steps: Steps | None = None
) -> None:
    """Measure the cells that `folder`/results.jsonl does not hold for this label of the code.

    Stopped at any time, the same call goes on: a cell whose product has finished repeats only what stands beside it,
    and whatever else was begun is begun anew. Sets whose packages are missing are named and left out.

    Raises:
        UserError: another call is at work in this folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "run.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                "folder-in-use", f"the battery is at work in {folder}; wait, or give another --folder"
            ) from None
        finished, commit = done(read(folder / FILE), code), git_commit(ROOT)
        lacking = {cell.name for cell in cells if missing(SETS[cell.name].packages, folder)}
        if lacking:
            names = ", ".join(sorted(lacking))
            say(f"left out, their packages are missing (python -m benchmarks.unseen packages): {names}")
        left = [cell for cell in cells if cell not in finished and cell.name not in lacking]
        say(f"{len(left)} cells to measure as {code}, {len(finished & set(cells))} measured before")
        for number, cell in enumerate(left, 1):
            say(f"{number}/{len(left)} {cell}")
            line = measured(cell, folder, code, commit, steps)
            append(folder / FILE, line)
            if line.error is None:  # else its log.txt stays
                shutil.rmtree(_place(folder, code, cell))
            say(f"  {told(line)}")


def measured(cell: Cell, folder: Path, code: str, commit: str, steps: Steps | None = None) -> Line:
    """One cell. Its home, for the time that it takes, is `folder`/cells/CODE/CELL."""
    found, place = load(SETS[cell.name], folder), _place(folder, code, cell)
    head = {**cell._asdict(), "half": SETS[cell.name].half, "code": code, "commit": commit}
    try:
        product = run(cell, found, place)
    except NoModelError as error:
        return Line.model_validate({**head, "finished": time.time(), "error": str(error)})
    models = tested(product, found)
    data, views = data_of(product, models.ids), product.output("finetune").views
    assert views is not None, "a recipe of init names no view of its own"
    columns, seconds = beside(product, data, views.policy, place / "beside", folder / "pypi", steps)
    promoted = product.output("promote")
    return Line.model_validate({
        **head,
        "finished": time.time(),
        "tests": pack(models.numbers),
        "truth": pack(models.truth),
        "columns": {
            name: pack(values)
            for name, values in {MODEL: models.predicted, **renumbered(columns, data.classes, found)}.items()
        },
        "own": own_candidates(product),
        "seconds": product.seconds,
        "column_seconds": seconds,
        "promoted": promoted.promoted,
        "reason": promoted.reason,
        "failed": [check.name for check in promoted.checks if not check.passed],
        "policy": views.policy,
    })  # fmt: skip


def renumbered(columns: Predicted, classes: list[str], found: Images) -> Predicted:
    """Classes numbered as in `classes` -> as in the image set."""
    number = np.array([classes_of(found)[name] for name in classes], dtype=np.int64)
    return {name: number[values] for name, values in columns.items()}


def told(line: Line) -> str:
    if line.error is not None:
        return line.error
    figures = ", ".join(f"{name} {value:.3f}" for name, value in line.accuracies().items())
    return f"{line.seconds:.0f} s, {'promoted' if line.promoted else 'refused'}: {figures}"


def _place(folder: Path, code: str, cell: Cell) -> Path:
    return folder / "cells" / code / f"{cell.name}-{cell.labels}-{cell.draw}"
