"""The command: what is run, and where its page goes."""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.quickstart.draws import OBJECTIVES, ROOT, variant
from benchmarks.quickstart.figures import UNLABELLED, figures, run
from benchmarks.quickstart.pages import Figures, by_labels, table
from pipelines.engine.store import read_manifest
from pipelines.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--objective", choices=OBJECTIVES, default="swav")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--home", type=Path, default=None, help="kept between runs; default: a temporary folder"
    )
    parser.add_argument("--each", type=int, nargs="+", default=[], help="numbers of labels a class")
    given = parser.parse_args()
    home = (given.home or Path(tempfile.mkdtemp(prefix="selfsup-quality-"))).absolute()
    if given.each:
        file, text = "quality-labels.md", by_labels(given.objective, fewer(given, home))
    else:
        file, text = f"quality-{given.objective}.md", table(given.objective, whole(given, home))
    (ROOT / "docs" / file).write_text(text)
    print(text)
    if given.home is None:
        shutil.rmtree(home)


def whole(given: argparse.Namespace, home: Path) -> list[Figures]:
    """Figures of each seed, pretraining included."""
    rows = []
    for seed in range(given.seeds):
        began = time.time()
        rows.append(figures(run(variant(given.objective, seed, home), home), home))
        rows[-1]["minutes"] = (time.time() - began) / 60
        print(seed, {name: round(value, 4) for name, value in rows[-1].items()}, flush=True)
    return rows


def fewer(given: argparse.Namespace, home: Path) -> dict[int, list[Figures]]:
    """Figures by number of labels, each of some draws, all from the pretraining of seed 0."""
    first = run(variant(given.objective, 0, home), home)
    classes = len(read_manifest(first["snapshot"], Settings(home=home).store).output["classes"])
    stand = {stage: first[stage] for stage in UNLABELLED}
    rows: dict[int, list[Figures]] = {}
    for number in sorted(given.each):
        found = rows.setdefault(number * classes, [])
        for seed in range(given.seeds):
            done = run(variant(given.objective, seed, home, number), home, stand)
            found.append(figures(done, home))
            print(number, seed, {name: round(v, 4) for name, v in found[-1].items()}, flush=True)
    return rows
