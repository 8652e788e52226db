"""A recipe of seconds, and homes in which its stages are run and killed.

Recipe and inbox lie in one place and homes beside them, so that every home gives the same references.
"""

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from tests.crash import warm

ROOT = Path(__file__).resolve().parents[2]
MARK = "_SELFSUP_CRASH_TEST"  # in the environment of all that a home's runs start
NAME = "stripes"
RECIPE = """\
name: stripes
modality: {name: image, size: 12, channels: 1}
inbox: inbox
ingest: {shard_size: 100, settle_seconds: 0}
pretrain:
  objective: {name: simclr, hidden: 16, embedding: 8}
  encoder: {name: resnet, widths: [8, 16], blocks: [1, 1]}
  train: {epochs: 2, batch_size: 64, watch_steps: 1, checkpoint_seconds: 0, patience: 100}
embed: {batch_size: 8}
pseudo_label: {clusters: 6}
finetune:
  steps: 150
  learning_rate: 0.01
  encoder_rate: 1.0
  batch_size: 30
  checkpoint_seconds: 0
  cross_fit: {folds: 2, steps: 10}
  scratch: {steps: 1, learning_rates: [0.001]}
evaluate: {bootstrap: 200}
promote:
  gate: {class_floor: 0, calibration: 1, rank_fraction: 0, uniformity: 0, prototype_use: 0, latency: 600}
"""
DRIVE = """\
import json, sys
from pathlib import Path
from pipelines import recipe
from pipelines.engine.execute import execute
from pipelines.settings import Settings
file, run, stages, done = sys.argv[1:]
done, read = json.loads(done), recipe.load(Path(file))
for stage in stages.split():
    done[stage] = execute(stage, read, done, Settings.load(), run, lambda record: print(record.get("say", "")))
print(json.dumps(done))
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended. done: stage -> reference, where it ended well."""

    code: int
    said: str
    seconds: float
    done: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Home:
    """All that runs of the recipe write: root/home and root/data."""

    root: Path
    recipe: Path

    @property
    def store(self) -> Path:
        return self.root / "home" / "store"

    @property
    def data(self) -> Path:
        return self.root / "data"

    def environ(self, crash: str = "", **settings: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SELFSUP_")}
        ours = {
            "SELFSUP_HOME": str(self.root / "home"), "SELFSUP_DATA": str(self.data), "SELFSUP_DEVICE": "cpu",
            "SELFSUP_CPUS": "2", "SELFSUP_CRASH": crash, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
            MARK: str(self.root),
        }  # fmt: skip
        return kept | ours | settings

    def python(self, code: str, *arguments: str, **settings: str) -> Ended:
        """In a process that has everything imported."""
        self.root.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        exit_code, said = warm.run(code, arguments, self.environ(**settings), self.root)
        return Ended(exit_code, said, time.monotonic() - began, _done(exit_code, said))

    def run(self, stages: str, done: dict[str, str], **settings: str) -> Ended:
        """Some stages, one after the other, through pipelines.engine.execute. done: of those before them."""
        return self.python(DRIVE, str(self.recipe), "a-run", stages, json.dumps(done), **settings)

    def begin(
        self, stages: str, done: dict[str, str], code: str = DRIVE, **settings: str
    ) -> "subprocess.Popen[str]":
        """The same, in a process of its own that is not waited for."""
        self.root.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", code, str(self.recipe), "a-run", stages, json.dumps(done)]
        return subprocess.Popen(
            command, env=self.environ(**settings), cwd=self.root,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def copy(self, root: Path) -> "Home":
        """A home like this one, with what MLflow's database says of its own place made true."""
        shutil.copytree(self.root, root, symlinks=True)
        database = root / "home" / "mlflow" / "mlflow.db"
        if database.exists():
            move(database, str(self.root), str(root))
        return Home(root, self.recipe)


def ended(process: "subprocess.Popen[str]", timeout: float = 900) -> Ended:
    """How it ended, when it has."""
    began = time.monotonic()
    said, _ = process.communicate(timeout=timeout)
    return Ended(process.returncode, said, time.monotonic() - began, _done(process.returncode, said))


def _done(code: int, said: str) -> dict[str, str]:
    """What DRIVE has printed last."""
    last = said.strip().splitlines()[-1:]
    done: dict[str, str] = json.loads(last[0]) if code == 0 and last and last[0].startswith("{") else {}
    return done


def move(database: Path, old: str, new: str) -> None:
    """Every text in a SQLite database that names the old place names the new one."""
    with sqlite3.connect(database) as open_:
        for (table,) in open_.execute("select name from sqlite_master where type = 'table'").fetchall():
            for _, column, kind, *_ in open_.execute(f"pragma table_info('{table}')").fetchall():
                if "CHAR" in kind or "TEXT" in kind:
                    change = f'update {table} set "{column}" = replace("{column}", ?, ?) where instr("{column}", ?)'
                    open_.execute(change, (old, new, old))
    open_.close()


def make(folder: Path) -> Path:
    """The recipe file, beside its inbox: 240 training and 90 test pictures, some labelled."""
    inbox = folder / "inbox"
    rows = []
    for part, count, labelled, split in (("first", 150, 24, "train"), ("second", 90, 6, "train"),
                                         ("test", 90, 90, "test")):  # fmt: skip
        labels = deliver(inbox / part, count, seed=count + len(part))
        rows += [(f"{part}/{number:03}.png", label, split) for number, label in enumerate(labels[:labelled])]
    with (inbox / "labels.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("path", "label", "split"), *rows])
    recipe = folder / f"{NAME}.yaml"
    recipe.write_text(RECIPE)
    return recipe


def deliver(folder: Path, count: int, seed: int) -> list[str]:
    """Pictures 12 x 12 into a new folder: stripes that lie, that stand, or none but brighter, of random width and
    phase, in noise; pixel by pixel two of a kind are hardly alike. What each one shows."""
    rng = np.random.default_rng(seed)
    part = folder.with_name(f".{folder.name}")
    part.mkdir(parents=True)
    kinds = [("lying", "standing", "flat")[number % 3] for number in range(count)]
    for number, kind in enumerate(kinds):
        stripes = 60 * (np.sin(2 * np.pi * (np.arange(12) / rng.uniform(3, 6) + rng.uniform())) > 0)
        added = {"lying": stripes[:, None], "standing": stripes[None, :], "flat": np.array(30)}[kind]
        image = rng.integers(40, 160, (12, 12)) + added
        Image.fromarray(image.astype(np.uint8)).save(part / f"{number:03}.png")
    part.rename(folder)  # all of it at once
    return kinds
