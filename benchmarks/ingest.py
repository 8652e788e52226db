"""What ingest costs beside a bare decode of the same files: `python benchmarks/ingest.py [--files N] [--folders N]`.

PNG files of 32 x 32 in folders. Bare: Pillow opens and decodes each file, in as many processes as there are cores.
Then ingest: for the first time, with nothing new, with one more file. Bare decode and first ingest take turns, and each
one's best time counts: on a shared machine the best is what the code costs.
"""

import argparse
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from pipelines.context import Context
from pipelines.settings import Settings
from pipelines.stages import ingest

SHARE, AGAIN, MORE, MEMORY = 0.6, 2.0, 3.0, 400  # bounds: of the bare decode's speed, seconds, seconds, MB
BATCH = 256


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


def take(inbox: Path, root: Path) -> ingest.Output:
    """One ingest, as a run does it: the listing's digest, then the stage."""
    settings, folder = Settings(home=root / "home", data=root / "data"), root / f"run-{time.time_ns()}"
    folder.mkdir(parents=True)
    request = ingest.Request.model_validate(
        {"inbox": str(inbox), "modality": {"name": "image"}, "settle_seconds": 0}
    )
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--folders", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        cost = measure(Path(place), asked.files, asked.folders, asked.turns)
        print(f"bare decode    {cost.bare:7.2f} s, {cost.files / cost.bare:,.0f} files/s")
        print(f"first ingest   {cost.first:7.2f} s, {cost.share:.2f} of that speed (bound {SHARE})")
        print(f"nothing new    {cost.again:7.2f} s (bound {AGAIN} s for 80,000 files)")
        print(f"one more file  {cost.more:7.2f} s (bound {MORE} s for 80,000 files)")
        print(f"memory         {cost.memory:7} MB (bound {MEMORY} MB)")


if __name__ == "__main__":
    main()
