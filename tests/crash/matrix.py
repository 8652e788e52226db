"""The crash matrix: kill a stage at every point, run it again, compare with a run that nobody killed.

One reference run; a copy of its home before each stage is where the cases of that stage begin. `selfsup forget` has
cases of its own (tests/crash/forgetting.py). Written as a table into docs/crash-matrix.md by `python -m
tests.crash.matrix`; with points named, `python -m tests.crash.matrix POINT...`, only their rows are made anew.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from components.crash import POINTS
from tests.crash import forgetting
from tests.crash.bucket import Buckets
from tests.crash.place import ROOT
from tests.crash.reference import STEPS, Reference, run
from tests.crash.traces import differences, models, processes, traces

# The point, and the how-many-eth time; the stage is the point's first word unless it stands here.
TIMES = {
    "share.file": 2, "ingest.written": 2, "ingest.indexed": 2, "train.step": 5, "train.checkpoint": 3,
    "train.saved": 2, "embed.range": 2, "finetune.between": 2, "mirror.stage": 3, "score.partition": 2,
}  # fmt: skip
STAGES = {"store": "ingest", "share": "ingest", "run": "ingest", "train": "pretrain"}
LOST = 255  # of a killed process whose exit code multiprocessing's fork server has missed; an error gives 1
OWN = "forget."  # points that no stage comes to: tests/crash/forgetting.py
SHARED = "share."  # points of a run whose store has a remote


def stage_of(point: str) -> str:
    """The stage in which a point's case is killed."""
    first = point.partition(".")[0]
    return STAGES.get(first, first)


@dataclass(frozen=True)
class Row:
    """One case. killed, resumed: seconds of the attempt that died and of the next. wrong: what is not as if
    nothing had happened."""

    point: str
    stage: str
    killed: float
    resumed: float
    versions: int
    champion: str
    wrong: list[str]


class Matrix:
    """The cases of some points, two processes at a time; `rows` tells of each when it is over."""

    def __init__(self, reference: Reference, points: list[str]) -> None:
        self.reference = reference
        order = sorted(points, key=lambda point: STEPS.index(stage_of(point)))
        reference.ask(stage_of(order[-1]))
        self.buckets = Buckets() if any(point.startswith(SHARED) for point in points) else None
        self.pool = ThreadPoolExecutor(2)
        self.rows = {point: self.pool.submit(self.case, point) for point in order}

    def close(self) -> None:
        self.pool.shutdown(cancel_futures=True)
        if self.buckets is not None:
            self.buckets.close()

    def case(self, point: str) -> Row:
        """Kill, run again, compare."""
        stage = stage_of(point)
        home, before = self.reference.before(stage, f"killed-{point}")
        buckets, bucket = self.buckets if point.startswith(SHARED) else None, point.replace(".", "-")
        settings = {} if buckets is None else buckets.settings(bucket)
        killed = run(stage, home, before, f"{point}:{TIMES.get(point, 1)}", **settings)
        ended = "was killed" in killed.said or killed.code in (-9, LOST)
        wrong = [] if ended else [f"not killed, code {killed.code}: {killed.said}"]
        left = processes(home)
        wrong += [f"left running: {left}"] if left else []
        resumed = run(stage, home, before, **settings)
        wrong += [] if resumed.code == 0 else [f"did not resume: {resumed.said}"]
        unharmed = self.reference.after(stage)
        done = before if stage == "mirror" else {**before, stage: self.reference.done[stage]}
        if resumed.done and resumed.done != done:
            wrong.append(f"references: {resumed.done} instead of {done}")
        elif resumed.code == 0:
            wrong += differences(traces(home, done), traces(unharmed, done))
            wrong += [] if buckets is None else buckets.wrong(bucket, home, done[stage])
        found = models(home)
        champions = [str(version) for alias, version in found.get("aliases", []) if alias == "champion"]
        if not wrong:
            shutil.rmtree(home.root)
        return Row(
            point, stage, killed.seconds, resumed.seconds, len(found.get("versions", [])),
            champions[0] if champions else "", wrong,
        )  # fmt: skip


def forget_rows(folder: Path, points: list[str]) -> Iterator[Row]:
    """The cases of `selfsup forget`, one after the other."""
    prepared = forgetting.prepare(folder / "forget") if points else folder
    for point in points:
        root, killed, resumed, wrong = forgetting.case(prepared, point)
        shutil.rmtree(root)
        yield Row(point, "forget", killed, resumed, 0, "", wrong)


def line(row: Row) -> str:
    """As Markdown."""
    same = "yes" if not row.wrong else f"**no**: {row.wrong[0]:.200}"
    return (
        f"| `{row.point}` | {POINTS[row.point]} | {row.stage} | {row.resumed:.1f} s | {same} | "
        f"{row.versions or ''} | {row.champion} |"
    )


def lines_of(page: str) -> dict[str, str]:
    """Point -> its row in the page, as text."""
    rows = (text for text in page.splitlines() if text.startswith("| `"))
    return {text.split("`")[1]: text for text in rows}


def rows_of(folder: Path, points: list[str]) -> Iterator[Row]:
    yield from forget_rows(folder, [point for point in points if point.startswith(OWN)])
    if staged := [point for point in points if not point.startswith(OWN)]:
        matrix = Matrix(Reference(folder), staged)
        yield from (row.result() for row in matrix.rows.values())
        matrix.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("points", nargs="*", metavar="POINT", help="as in components/crash.py; none: all")
    chosen, wrong = parser.parse_args().points or list(POINTS), False
    if strange := set(chosen) - set(POINTS):
        parser.error(f"a point of components/crash.py is needed, got {', '.join(sorted(strange))}")
    page = ROOT / "docs" / "crash-matrix.md"
    lines = lines_of(page.read_text())
    with tempfile.TemporaryDirectory() as folder:
        for row in rows_of(Path(folder), chosen):
            print(f"{row.point}: {row.resumed:.1f} s {row.wrong or 'ok'}", flush=True)
            lines[row.point] = line(row)
            wrong = wrong or bool(row.wrong)
    page.write_text(PAGE + "".join(f"{lines[point]}\n" for point in POINTS if point in lines))
    return wrong


PAGE = """\
# Crash matrix

Written by `python -m tests.crash.matrix`; `tests/crash/` holds every row to it (`make test-slow`). The process is
ended by SIGKILL at the point (`components/crash.py`), the stage is run again, and everything is compared with a run
that nobody killed: references and digests of the stage's files, model versions, aliases, runs and metrics in MLflow,
the data folder byte for byte, the moves in the promotion journal; no file of a half-done write and no process may be
left. The cases of `share` have a bucket of an S3 server, which must hold the run once and whole. Seconds are of the
second attempt with the start of its processes. `selfsup forget` is given again as it was: nothing of the sample may be
left, and one line that it was forgotten (`tests/crash/forgetting.py`). `python -m tests.crash.matrix POINT...` makes
single rows anew.

| point | what is so there | killed in | resumed in | as if never killed | versions | champion |
|---|---|---|---|---|---|---|
"""

if __name__ == "__main__":
    sys.exit(main())
