"""What ingest costs beside a bare decode of the same files: `python -m benchmarks.ingest [--files N] [--folders N]`.

PNG files of 32 x 32 in folders. Bare: Pillow opens and decodes each file, in as many processes as there are cores.
Then ingest: for the first time, with nothing new, with one more file. Bare decode and first ingest take turns, and each
one's best time counts: on a shared machine the best is what the code costs.

`--million`: a million distinct PNG files of 8 x 8 in a thousand folders (`--files`, `--folders`: other numbers), taken
once for the first time and once with nothing new, each in a process of its own, whose memory is what counts. Needs
about 5 GB of disk and a million inodes. `--classes`: the folders are classes, so that each file has a label.
"""

import argparse
import hashlib
import os
import random
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from components.forks import run_all
from pipelines.context import Context
from pipelines.settings import Settings
from pipelines.stages import ingest

SHARE, AGAIN, MORE, MEMORY = 0.6, 2.0, 3.0, 400  # bounds: of the bare decode's speed, seconds, seconds, MB
MILLION = 150.0  # seconds allowed for a million files
BATCH = 256
SIDE = 8  # pixels of an image of the million
ROOM = 5_000  # bytes of disk that a file of the million takes, with its copy in a shard


class Cost(NamedTuple):
    """Seconds; files: how many. memory: MB at the most, of the process that writes."""

    files: int
    bare: float
    first: float
    again: float
    more: float
    memory: int

    @property
    def share(self) -> float:
        """Speed of the first ingest by that of the bare decode."""
        return self.bare / self.first


def make_files(inbox: Path, files: int, folders: int) -> None:
    """Noise that was enlarged: files of about 2 kB, no two alike."""
    for folder in range(folders):
        (inbox / f"{folder:03}").mkdir(parents=True)
    draw = random.Random(0)
    for number in range(files):
        small = Image.frombytes("RGB", (8, 8), draw.randbytes(192))
        file = inbox / f"{number % folders:03}" / f"{number:07}.png"
        small.resize((32, 32), Image.Resampling.BILINEAR).save(file)


def tiny_png(number: int) -> bytes:
    """A grey PNG of 8 x 8, no two numbers alike. By hand, as Pillow takes ten times as long."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + hashlib.sha256(b"%d %d" % (number, row)).digest()[:SIDE] for row in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 1))
        + chunk(b"IEND", b"")
    )


def make_tiny(inbox: Path, files: int, folders: int) -> None:
    """Raises SystemExit where disk or inodes do not suffice."""
    found = os.statvfs(inbox.parent)
    if found.f_bavail * found.f_frsize < files * ROOM or found.f_favail < 1.1 * files:
        sys.exit(
            f"{inbox.parent} has no room for {files:,} files: {files * ROOM / 1e9:.1f} GB and as many inodes"
        )

    def fill(start: int) -> None:
        for folder in range(start, folders, 2):
            place = inbox / f"{folder:04}"
            place.mkdir(parents=True)
            for number in range(folder, files, folders):
                (place / f"{number:07}.png").write_bytes(tiny_png(number))

    run_all([lambda start=start: fill(start) for start in range(2)], processes=2)  # type: ignore[misc]


def decode(files: list[str]) -> int:
    for file in files:
        with Image.open(file) as image:
            image.load()
    return len(files)


def bare(inbox: Path) -> int:
    """All files decoded, nothing kept; how many they are."""
    files = [os.path.join(place, name) for place, _, names in os.walk(inbox) for name in names]
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    with get_context("fork").Pool(len(os.sched_getaffinity(0))) as pool:
        return sum(pool.imap_unordered(decode, batches))


def take(inbox: Path, root: Path, classes: bool = False) -> ingest.Output:
    """One ingest, as a run does it: the listing's digest, then the stage. classes: folders are classes."""
    settings, folder = Settings(home=root / "home", data=root / "data"), root / f"run-{time.time_ns()}"
    folder.mkdir(parents=True)
    request = ingest.Request.model_validate({
        "inbox": str(inbox), "modality": {"name": "image"}, "settle_seconds": 0,
        "labels_from": "folders" if classes else "file",
    })  # fmt: skip
    ingest.observe(request, settings, "speed")
    return ingest.run(request, folder, Context(settings.store, settings, "speed", folder))


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def measure(place: Path, files: int, folders: int, turns: int) -> Cost:
    inbox, best = place / "inbox", [float("inf"), float("inf")]
    make_files(inbox, files, folders)
    for turn in range(turns):
        best[0] = min(best[0], timed(lambda: bare(inbox)))
        root = place / f"turn-{turn}"
        best[1] = min(best[1], timed(lambda root=root: take(inbox, root)))  # type: ignore[misc]
    again = timed(lambda: take(inbox, root))
    Image.new("RGB", (32, 32), "red").save(inbox / "000" / "one-more.png")
    more = timed(lambda: take(inbox, root))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Cost(files, best[0], best[1], again, more, memory)


def peak() -> int:
    """Most memory that this process has had since it began, in MB; ru_maxrss counts its parent's too."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) // 1024


def alone(inbox: Path, root: Path, classes: bool) -> tuple[float, int]:
    """One ingest in a process of its own: seconds, and MB at the most."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ingest", "--take", str(inbox), str(root)]
        + ["--classes"] * classes,
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    print(done.stdout, end="")
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), int(memory)


def million(place: Path, files: int, folders: int, classes: bool) -> None:
    inbox = place / "inbox"
    made = timed(lambda: make_tiny(inbox, files, folders))
    print(f"{files:,} files in {folders:,} folders, written in {made:.0f} s")
    decoded = timed(lambda: bare(inbox))
    print(f"bare decode    {decoded:7.1f} s, {files / decoded:,.0f} files/s")
    for what, bound in (("first ingest", MILLION), ("nothing new", None)):
        seconds, memory = alone(inbox, place / "root", classes)
        limit = f" (bound {bound:.0f} s for a million)" if bound else ""
        print(f"{what:14} {seconds:7.1f} s{limit}, {memory} MB (bound {MEMORY} MB)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int)
    parser.add_argument("--folders", type=int)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--classes", action="store_true")
    parser.add_argument(
        "--take", nargs=2, type=Path, metavar=("INBOX", "ROOT"), help="one ingest: seconds, MB"
    )
    asked = parser.parse_args()
    if asked.take:
        inbox, root = asked.take
        print(f"{timed(lambda: take(inbox, root, asked.classes)):.2f} {peak()}")
        return
    with tempfile.TemporaryDirectory() as place:
        if asked.million:
            million(Path(place), asked.files or 1_000_000, asked.folders or 1_000, asked.classes)
            return
        cost = measure(Path(place), asked.files or 10_000, asked.folders or 10, asked.turns)
        print(f"bare decode    {cost.bare:7.2f} s, {cost.files / cost.bare:,.0f} files/s")
        print(f"first ingest   {cost.first:7.2f} s, {cost.share:.2f} of that speed (bound {SHARE})")
        print(f"nothing new    {cost.again:7.2f} s (bound {AGAIN} s for 80,000 files)")
        print(f"one more file  {cost.more:7.2f} s (bound {MORE} s for 80,000 files)")
        print(f"memory         {cost.memory:7} MB (bound {MEMORY} MB)")


if __name__ == "__main__":
    main()
