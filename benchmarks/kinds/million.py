"""What a table of a million rows and 30 columns costs: ingest and snapshot, each in a process of its own.

Columns: 14 numbers with three digits behind the point, four of them with a tenth of gaps, 6 counts, 6 categories of 3
to 40 values, 2 of yes and no, 2 dates; beside them a key, and a label of two for one row in 500.
"""

import os
import re
import resource
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from components.cores import ONE_THREAD
from pipelines.engine.context import Context
from pipelines.settings import Settings

ROWS = 1_000_000
ROOM = 3_000  # bytes of disk that a row takes: the file, shards, the version's copies, the array
BLOCK = 100_000  # rows that are made at once
LOOK = 0.5  # seconds between two looks at the memory
STAGES = ("ingest", "snapshot")


def make(file: Path, rows: int) -> None:
    """Write the table; the same number of rows gives the same bytes."""
    with pc.CSVWriter(file, _block(0, 0).schema) as out:
        for start in range(0, rows, BLOCK):
            out.write_table(_block(start, min(BLOCK, rows - start)))


def _block(start: int, rows: int) -> pa.Table:
    draw = np.random.default_rng([0, start])
    mixing, hidden = np.random.default_rng(1), draw.normal(size=(rows, 4))
    columns: dict[str, Any] = {"key": [f"r{start + row:07}" for row in range(rows)]}
    for number in range(14):
        value = (hidden @ mixing.normal(size=4) + draw.normal(size=rows)) * (0.1, 1.0, 10.0)[number % 3]
        gaps = draw.random(rows) < (0.1 if number % 4 == 0 else 0)
        columns[f"measure_{number}"] = pa.array(np.round(value, 3), mask=gaps)
    for number in range(6):
        columns[f"count_{number}"] = draw.poisson(np.exp(hidden[:, number % 4] / 2 + 1))
    for number, size in enumerate((3, 5, 8, 12, 20, 40)):
        value = np.minimum(draw.geometric(min(0.6, 3 / size), rows) - 1, size - 1)
        columns[f"kind_{number}"] = pa.array([f"kind {one}" for one in value.tolist()], pa.string())
    for number in range(2):
        columns[f"flag_{number}"] = pa.array(
            np.where(draw.random(rows) < 0.3, "yes", "no").tolist(), pa.string()
        )
    opened = np.datetime64("2020-01-01") + draw.integers(0, 1500, rows)
    columns["opened"] = opened
    columns["closed"] = opened + draw.integers(0, 300, rows)
    known = draw.random(rows) < 0.002
    columns["label"] = pa.array(np.where(hidden[:, 0] > 0, "a", "b").tolist(), pa.string(), mask=~known)
    return pa.table(columns)


def measure(folder: Path, rows: int = ROWS) -> dict[str, float]:
    """Seconds, processor time and memory (MB) of both stages.

    Raises:
        RuntimeError: no room on the disk.
    """
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize < rows * ROOM:
        raise RuntimeError(f"{folder} has no room for a table of {rows:,} rows: {rows * ROOM / 1e9:.1f} GB")
    make(inbox / "rows.csv", rows)
    figures: dict[str, float] = {"rows": rows}
    for stage in STAGES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.kinds.million", stage, str(folder)],
            check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **ONE_THREAD},
        )  # fmt: skip
        wall, cpu, memory = map(float, done.stdout.split()[-3:])
        figures |= {f"{stage} seconds": wall, f"{stage} cpu": cpu, f"{stage} MB": memory}
    return figures


def take(stage: str, folder: Path) -> tuple[float, float, int]:
    """One stage in this process: seconds by the clock from its start on, processor time of all processes, and their
    most memory together, shared pages counted once, MB."""
    from pipelines.stages import ingest
    from pipelines.stages.snapshot import stage as snapshot

    settings, place = Settings(home=folder / "home", data=folder / "data"), folder / stage
    place.mkdir()
    context, modality = Context(settings.store, settings, "million", place), {"name": "table", "key": "key"}
    most, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(LOOK):
            most[0] = max(most[0], memory())

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    began = time.perf_counter()
    if stage == "ingest":
        given = {"inbox": str(folder / "inbox"), "modality": modality, "settle_seconds": 0}
        request = ingest.Request.model_validate(given)
        ingest.observe(request, settings, "million")
        ingest.run(request, place, context)
    else:
        snapshot.run(snapshot.Request.model_validate({"modality": modality}), place, context)
    wall = time.perf_counter() - began
    ended.set()
    watch.join()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) // 1024
    return wall, sum(one.ru_utime + one.ru_stime for one in used), max(own, most[0])


def memory() -> int:
    """MB of this process and its children, shared pages counted once."""
    total, processes = 0, [os.getpid()]
    for thread in os.listdir("/proc/self/task"):
        with suppress(OSError):
            processes += map(int, Path(f"/proc/self/task/{thread}/children").read_text().split())
    for process in processes:
        with suppress(OSError):
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            total += int(re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[0])
    return total // 1024


if __name__ == "__main__":
    print(*take(sys.argv[1], Path(sys.argv[2])))
