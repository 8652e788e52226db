"""Measure cells one after the other, each in a folder of its own, and add a line for each."""

import fcntl
import resource
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

import numpy as np

from benchmarks.kinds import baselines, million, text_speed
from benchmarks.kinds.data_set import DataSet, Samples, draw_labels, write_inbox
from benchmarks.kinds.lines import FILE, Cell, Line, append, done, pack, read
from benchmarks.kinds.product import MINILM, OWN, WAYS, Ran, run
from benchmarks.kinds.sets import SETS
from benchmarks.unseen.packages import Package, missing
from benchmarks.unseen.product import NoModelError
from components.arrays import Ints
from components.errors import UserError
from components.modalities.table.config import ARRAY
from pipelines.engine.code_digest import ROOT
from pipelines.registry.provenance import git_commit

Say = Callable[[str], None]
TEXT_SPEED, MILLION = "text speed", "million rows"
COSTS: dict[str, tuple[Package, ...]] = {TEXT_SPEED: SETS["glosses"].packages, MILLION: ()}
"""Costs by row, with the packages that they need."""
ROWS = (*SETS, *COSTS)


def cells(rows: Sequence[str] = (), draws: int = 5) -> list[Cell]:
    """All rows with their first draw, then with the next; rows: of these names, all where empty.

    Raises:
        UserError: a row is unknown.
    """
    for row in rows:
        if row not in ROWS:
            raise UserError("unknown-name", f"row not found: {row}; rows: {', '.join(ROWS)}")
    return [Cell(row, draw) for draw in range(draws) for row in rows or ROWS]


def measure(
    wanted: Sequence[Cell], folder: Path, code: str, peers: Path | None = None, say: Say = print
) -> None:
    """Measure the cells that `folder`/results.jsonl does not hold for this label of the code.

    Stopped at any time, the same call goes on; runs of the product that have finished are found again. Rows whose
    packages are missing are named and left out. peers: the Python of an environment with TabPFN.

    Raises:
        UserError: another call is at work in this folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "run.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                "folder-in-use", f"the benchmark is at work in {folder}; wait, or give another --folder"
            ) from None
        finished, commit = done(read(folder / FILE), code), git_commit(ROOT)
        needed = {row: one.packages for row, one in SETS.items()} | COSTS
        lacking = {cell.row for cell in wanted if missing(needed[cell.row], folder)}
        if lacking:
            names = ", ".join(sorted(lacking))
            say(f"left out, their packages are missing (python -m benchmarks.kinds packages): {names}")
        left = [cell for cell in wanted if cell not in finished and cell.row not in lacking]
        say(f"{len(left)} cells to measure as {code}, {len(finished & set(wanted))} measured before")
        for number, cell in enumerate(left, 1):
            say(f"{number}/{len(left)} {cell}")
            line = measured(cell, folder, code, commit, peers)
            append(folder / FILE, line)
            shutil.rmtree(_place(folder, code, cell), ignore_errors=True)
            say(f"  {told(line)}")


def measured(cell: Cell, folder: Path, code: str, commit: str, peers: Path | None) -> Line:
    """One cell. All that it writes lies in `folder`/cells/CODE/CELL."""
    place, head = _place(folder, code, cell), {**cell._asdict(), "code": code, "commit": commit}
    if cell.row in COSTS:
        shutil.rmtree(place, ignore_errors=True)
        if cell.row == MILLION:
            figures = million.measure(place)
        else:
            glosses = SETS["glosses"].build(folder)
            figures = text_speed.measure(glosses.columns["text"], place)
        return Line.model_validate({**head, "finished": time.time(), "figures": figures})
    one = SETS[cell.row]
    found = one.build(folder)
    labelled = draw_labels(found, one.labels, one.balanced, cell.draw)
    made, runs = _Made(), list[Ran]()
    inbox = place / "inbox"
    shutil.rmtree(inbox, ignore_errors=True)
    write_inbox(inbox, found, one.kind, labelled)
    for way in WAYS:
        if way == "weights" and not one.weights:
            continue
        if way == "weights" and not MINILM.installed(folder):
            made.left_out.append(f"weights: {MINILM.name} is not installed")
            continue
        try:
            ran = run(way, cell.row, one.kind, found, inbox, place, MINILM.path(folder))
        except NoModelError as error:
            made.left_out.append(f"{way}: {error}")
            continue
        runs.append(ran)
        made.wall[way], made.cpu[way] = ran.cost.wall, ran.cost.cpu
    if not runs:
        raise UserError(
            "no-model-made", f"{cell}: no run of the product gave a model: {'; '.join(made.left_out)}"
        )
    tests: Ints = reduce(np.intersect1d, (ran.numbers for ran in runs))
    for way, ran in zip(made.wall, runs, strict=True):
        kept = np.isin(ran.numbers, tests)
        made.columns[way] = ran.predicted["model"][kept]
        if way == "recipe":
            made.columns |= {
                name: ran.predicted[name][kept] for name in OWN.values() if name in ran.predicted
            }
    beside = _beside_texts if one.kind == "text" else _beside_rows
    beside(one, found, labelled, tests, made, runs[-1], folder, place, peers)
    return Line.model_validate({
        **head,
        "finished": time.time(),
        "tests": pack(tests),
        "truth": pack(found.labels[tests]),
        "columns": {name: pack(values) for name, values in made.columns.items()},
        "wall": made.wall,
        "cpu": made.cpu,
        "left_out": made.left_out,
    })  # fmt: skip


@dataclass
class _Made:
    """What of a cell has been measured so far."""

    columns: dict[str, Ints] = field(default_factory=dict)
    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, column: str, predict: Callable[[], Ints]) -> None:
        wall, cpu = time.monotonic(), _cpu()
        self.columns[column] = np.asarray(predict(), dtype=np.int64)
        self.wall[column], self.cpu[column] = round(time.monotonic() - wall, 1), round(_cpu() - cpu, 1)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _beside_texts(
    one: DataSet, found: Samples, labelled: Ints, tests: Ints, made: _Made, ran: Ran, folder: Path, place: Path,
    peers: Path | None,
) -> None:  # fmt: skip
    made.add("tf-idf logistic", lambda: baselines.tfidf_logistic(found, labelled, tests))
    if MINILM.installed(folder):
        made.add("minilm", lambda: baselines.minilm_logistic(found, labelled, tests, MINILM.path(folder)))
    else:
        made.left_out.append(f"minilm: {MINILM.name} is not installed")


def _beside_rows(
    one: DataSet, found: Samples, labelled: Ints, tests: Ints, made: _Made, ran: Ran, folder: Path, place: Path,
    peers: Path | None,
) -> None:  # fmt: skip
    snapshot = ran.product.output("snapshot")
    rows = np.load(ran.product.file("snapshot", snapshot.arrays[ARRAY]), mmap_mode="r")
    own, asked = (np.asarray(rows[[ran.rows[row] for row in some.tolist()]]) for some in (labelled, tests))
    labels, classes, packing = found.labels[labelled], len(found.classes), snapshot.packing
    for model in baselines.TABLE_MODELS:
        made.add(model, lambda model=model: baselines.on_rows(model, own, labels, asked, classes, packing))  # type: ignore[misc]
    if not baselines.has_module(peers, "tabpfn"):
        made.left_out.append("tabpfn: not installed (--peers names the Python of an environment that has it)")
        return
    assert peers is not None
    try:
        made.add(
            "tabpfn",
            lambda: baselines.tabpfn(own, labels, asked, packing.categorical, peers, place / "tabpfn"),
        )
    except RuntimeError as error:
        made.left_out.append(f"tabpfn: {error}")


def told(line: Line) -> str:
    """Accuracies, or figures, and seconds of processor time."""
    shown = {name: float(line.right(name).mean()) for name in line.columns} or line.figures
    figures = ", ".join(f"{name} {value:.3f}" for name, value in shown.items())
    used = f"; {sum(line.cpu.values()):.0f} s of processor time" if line.cpu else ""
    rest = f"; left out: {'; '.join(line.left_out)}" if line.left_out else ""
    return f"{figures}{used}{rest}"


def _place(folder: Path, code: str, cell: Cell) -> Path:
    return folder / "cells" / code / f"{cell.row.replace(' ', '-')}-{cell.draw}"
