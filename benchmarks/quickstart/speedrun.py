"""The command behind benchmarks/speedrun.py: it measures a run, adds it to those there are, and writes the table."""

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.quickstart.draws import ROOT, variant
from benchmarks.quickstart.figures import STAGES
from benchmarks.quickstart.records import Run, add, load, page
from components.cores import available
from components.errors import UserError
from pipelines.engine.execute import execute
from pipelines.engine.journal import new_run
from pipelines.engine.store import read_manifest
from pipelines.registry.provenance import git_commit
from pipelines.settings import Settings

RUNS, PAGE = ROOT / "benchmarks" / "speedrun.jsonl", ROOT / "docs" / "speedrun.md"
CORES = 2


def main(arguments: Sequence[str], runs: Path = RUNS, written: Path = PAGE) -> None:
    """runs: where they are kept. written: the page."""
    parser = argparse.ArgumentParser(prog="speedrun.py", description="seconds to a test accuracy")
    commands = parser.add_subparsers(dest="command")
    measuring = commands.add_parser("measure", help="one run of the quickstart, added to the table")
    measuring.add_argument("--seed", type=int, required=True)
    measuring.add_argument("--home", type=Path, help="without a store; default: a temporary folder")
    commands.add_parser("table", help="print the table (default)")
    given = parser.parse_args(arguments)
    try:
        if given.command == "measure":
            add_measured(given.seed, given.home, runs)
    except UserError as error:
        raise SystemExit(str(error)) from None
    written.write_text(text := page(load(runs)))
    print(text)


def add_measured(seed: int, home: Path | None, runs: Path) -> None:
    """Measure in `home`, or in a temporary folder that is removed."""
    place = (home or Path(tempfile.mkdtemp(prefix="selfsup-speedrun-"))).absolute()
    run = measure(seed, place)
    print(run.model_dump_json(), flush=True)  # it took minutes, and may be refused
    add(run, runs)
    if home is None:
        shutil.rmtree(place)


def measure(seed: int, home: Path) -> Run:
    """One run of the quickstart with the labels of this seed. The clock stops when fine-tuning has ended.

    Raises:
        UserError: fewer than CORES cores; or the home has a store, so that stages would be found, not run.
    """
    if available() < CORES:
        raise UserError(
            "too-few-cores", f"{CORES} cores needed, got {available()}; measure on another machine"
        )
    recipe = variant("swav", seed, home)
    settings = Settings(home=home, data=recipe.inbox.parent / "data", cpus=CORES)
    if settings.store.exists():
        raise UserError(
            "folder-not-empty", f"{home} has a store, so stages would be found, not run; name another --home"
        )
    commit, busy, done = git_commit(ROOT), os.getloadavg()[0], dict[str, str]()
    journal, began, seconds = new_run(recipe.name), time.monotonic(), 0.0
    for stage in STAGES:
        done[stage] = execute(stage, recipe, done, settings, journal)
        if stage == "finetune":
            seconds = time.monotonic() - began
    accuracy = read_manifest(done["evaluate"], settings.store).output["metrics"]["accuracy"]
    return Run(
        commit=commit, day=datetime.now(UTC).date(), machine=machine(), cores=CORES, seed=seed, accuracy=accuracy,
        seconds=round(seconds, 2), load=round(busy, 2),
    )  # fmt: skip


def machine() -> str:
    """The processor's name, as Linux has it; elsewhere what Python knows of it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
