"""What a run costs beyond its work: `python -m benchmarks.overhead [--code FOLDER ...] [--rounds N] [--airflow]`.

A recipe that trains for seconds, in a home of its own: a first run, then two with nothing changed, and with --airflow
one more through an Airflow DAG run. Of each stage that ran, the seconds from the journal's start of the stage to the
first line of its `run` (before) and from the end of `run` to the journal's line (after). `processor` is user and system
time of the whole tree of processes that a run waits for. Each --code names another checkout, such as one from before a
change; all checkouts take turns within a round, because a machine that others share has no fixed speed.

Writes docs/overhead.md; `--show` prints the page instead.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from components.cores import ONE_THREAD
from components.wording import counted
from pipelines.engine.code_digest import ROOT
from pipelines.graph import FLOWS

PAGE = ROOT / "docs" / "overhead.md"
KINDS = ("first", "second", "unchanged", "airflow")
RECIPE = """\
name: stripes
modality: {name: image, size: 12, channels: 1}
inbox: inbox
ingest: {settle_seconds: 0}
pretrain:
  objective: {name: simclr, hidden: 16, embedding: 8}
  encoder: {name: resnet, widths: [8, 16], blocks: [1, 1]}
  train: {epochs: 1, batch_size: 64}
pseudo_label: {clusters: 6}
finetune:
  steps: 20
  learning_rate: 0.01
  encoder_rate: 1.0
  batch_size: 30
  cross_fit: {folds: 2, steps: 10}
  scratch: {steps: 1, learning_rates: [0.001]}
evaluate: {bootstrap: 200}
promote:
  gate: {class_floor: 0, calibration: 1, rank_fraction: 0, uniformity: 0, prototype_use: 0, latency: 600}
"""


class Stage(NamedTuple):
    """Seconds of one stage that ran: before, within and after its `run`. memory: bytes at the most."""

    before: float
    work: float
    after: float
    memory: int


class Run(NamedTuple):
    """seconds: wall time. processor: seconds of the tree of processes. stages: those that ran."""

    seconds: float
    processor: float
    stages: dict[str, Stage]


def stripes_inbox(folder: Path, images: int = 300, labelled: int = 40, tested: int = 90) -> None:
    """Noise with horizontal or vertical stripes, and a label file of the first ones for training and the last ones for
    testing."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(images):
        pixels = rng.integers(0, 100, (12, 12), dtype=np.uint8)
        stripes = pixels[::3] if number % 2 else pixels[:, ::3]
        stripes += 120
        Image.fromarray(pixels).save(folder / f"{number:04d}.png")
        rows.append(
            (f"{number:04d}.png", ("down", "across")[number % 2], "train" if number < labelled else "test")
        )
    with (folder / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "label", "split"), *rows[:labelled], *rows[images - tested :]])


def measure(code: Path, root: Path, arguments: Sequence[str] = ()) -> Run:
    """One `selfsup run` of a checkout on the home root/home."""
    environ = {
        key: value for key, value in os.environ.items() if not key.startswith(("SELFSUP_", "AIRFLOW_"))
    }
    environ |= {**ONE_THREAD, "PYTHONPATH": str(code), "SELFSUP_HOME": str(root / "home")}
    environ |= {"SELFSUP_DATA": str(root / "data"), "SELFSUP_DEVICE": "cpu"}
    used, began = _processor(), time.monotonic()
    command = [sys.executable, "-m", "pipelines.cli.main", "run", str(root / "stripes.yaml"), *arguments]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True)
    seconds, processor = time.monotonic() - began, _processor() - used
    if done.returncode:
        raise RuntimeError(f"{code}: the run ended with code {done.returncode}: {done.stderr[-500:]}")
    return Run(seconds, processor, stages(root / "home"))


def stages(home: Path) -> dict[str, Stage]:
    """Of the newest run of a home, what its journal and the manifests of the stages that ran say."""
    journal = max((home / "runs").glob("*.jsonl"))
    found = {}
    for line in map(json.loads, journal.read_text().splitlines()):
        if line.get("status") != "ran":
            continue
        made: dict[str, Any] = json.loads((home / "store" / line["reference"] / "manifest.json").read_text())
        before = made["started"] - line["started"]
        after = line["seconds"] - before - made["seconds"]
        found[line["stage"]] = Stage(before, made["seconds"], after, line["memory"])
    return found


def rounds(codes: Sequence[Path], number: int, airflow: bool) -> dict[Path, dict[str, list[Run]]]:
    """Checkout -> kind of run -> one measurement a round. Checkouts take turns in going first."""
    found: dict[Path, dict[str, list[Run]]] = {code: {kind: [] for kind in KINDS} for code in codes}
    for turn in range(number):
        with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
            places = {code: Path(folder) / f"code{place}" for place, code in enumerate(codes)}
            for root in places.values():
                stripes_inbox(root / "inbox")
                (root / "stripes.yaml").write_text(RECIPE)
            for kind in KINDS[: 4 if airflow else 3]:
                for code in codes[:: 1 if turn % 2 else -1]:
                    if kind == "airflow":  # the first one makes the database
                        measure(code, places[code], ["--airflow"])
                    arguments = ["--airflow"] if kind == "airflow" else []
                    made = measure(code, places[code], arguments)
                    found[code][kind].append(made)
                    print(
                        f"{code} {kind}: {made.seconds:.1f} s, processor {made.processor:.1f} s", flush=True
                    )
    return found


def page(found: dict[Path, dict[str, list[Run]]], names: dict[Path, str]) -> str:
    """The measurements as tables: medians over the rounds."""
    count = len(next(iter(found.values()))["first"])
    lines = [
        "# What a run costs beyond its work", "",
        "Written by `python -m benchmarks.overhead`: a recipe of 300 images of 12 x 12 pixels, medians of "
        f"{counted(count, 'round')} in which the checkouts took turns, on {os.cpu_count()} cores that other work "
        "shared. So compare the columns of one row, and processor seconds (user and system, of the tree of processes) "
        "rather than the wall clock.", "",
        "| run | " + " | ".join(f"{names[code]}: wall, processor" for code in found) + " |",
        "|---|" + "---|" * len(found),
    ]  # fmt: skip
    titles = {
        "first": "first, everything is made",
        "second": "nothing changed, directly after the first (plan looks at the new champion)",
        "unchanged": "nothing changed",
        "airflow": "nothing changed, through an Airflow DAG run",
    }
    for kind, title in titles.items():
        if next(iter(found.values()))[kind]:
            cells = [f"{_wall(of[kind]):.1f} s, {_processor_of(of[kind]):.1f} s" for of in found.values()]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    lines += [
        "", "Each stage of the first run, seconds before, within and after its `run`, and its memory (the process that "
        "waits for it included):", "",
        "| stage | " + " | ".join(f"{names[code]}: before, run, after | MB" for code in found) + " |",
        "|---|" + "---|---|" * len(found),
    ]  # fmt: skip
    for stage in FLOWS["train"]:
        cells = [
            _cells([run.stages[stage] for run in of["first"] if stage in run.stages]) for of in found.values()
        ]
        lines.append(f"| {stage} | {' | '.join(cells)} |")
    sums = []
    for of in found.values():
        spent = [
            sum(s.before + s.after for s in run.stages.values()) / len(run.stages) for run in of["first"]
        ]
        sums.append(f"{_median(spent):.1f} beyond `run` | ")
    lines.append(f"| mean of a stage | {' | '.join(sums)} |")
    return "\n".join(lines) + "\n"


def _cells(made: Sequence[Stage]) -> str:
    if not made:
        return "- | -"
    before, work, after = (_median([one[place] for one in made]) for place in range(3))
    return f"{before:.1f}, {work:.1f}, {after:.1f} | {max(one.memory for one in made) / 1e6:,.0f}"


def _wall(made: Sequence[Run]) -> float:
    return _median([run.seconds for run in made])


def _processor_of(made: Sequence[Run]) -> float:
    return _median([run.processor for run in made])


def _median(figures: Sequence[float]) -> float:
    return statistics.median(figures)


def _processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument(
        "--code", type=Path, action="append", default=[], help="another checkout to measure beside"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--airflow", action="store_true", help="measure runs through Airflow too")
    parser.add_argument("--show", action="store_true", help="print the page and do not write it")
    given = parser.parse_args()
    others = [code.absolute() for code in given.code]
    names = {**{code: f"`{code.name}`" for code in others}, ROOT: "this code"}
    text = page(rounds([*others, ROOT], given.rounds, given.airflow), names)
    print(text)
    if not given.show:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
