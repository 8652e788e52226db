"""The quickstart with another objective, seed and draw of labels, in an inbox of its own."""

import csv
import hashlib
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from pipelines.recipe import Recipe, load

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = 10  # labels a class in the quickstart
OBJECTIVES: dict[str, dict[str, Any]] = {
    "swav": {},  # as the recipe has it
    "simclr": {"name": "simclr", "temperature": 0.2, "hidden": 256, "embedding": 64},
    "deepcluster": {"name": "deepcluster", "clusters": 100, "views": 2, "head": "matched"},
}


def variant(objective: str, seed: int, home: Path, each: int = SHIPPED) -> Recipe:
    """The quickstart with another objective, seed and draw of `each` labels a class, and an inbox of its own."""
    recipe = load(ROOT / "recipes" / "quickstart.yaml")
    sections = dict(recipe.sections)
    if OBJECTIVES[objective]:
        sections["pretrain"] = {**sections["pretrain"], "objective": OBJECTIVES[objective]}
    sections["snapshot"] = {}
    inbox = home / f"draw{seed}-{each}" / "inbox"
    if not inbox.exists():
        draw(recipe.inbox, inbox, seed, each)
    return recipe.model_copy(update={"name": "quality", "seed": seed, "sections": sections, "inbox": inbox})


def draw(source: Path, target: Path, seed: int, each: int) -> None:
    """The quickstart's inbox with the labels of this seed, `each` of a class."""
    target.mkdir(parents=True)
    delivery = next(source.glob("*.parquet"))
    shutil.copy(delivery, target)
    with (source / "labels.csv").open(newline="") as file:
        given = list(csv.DictReader(file))
    if (seed, each) != (0, SHIPPED):
        shipped = pq.read_table(delivery, columns=["image", "name"]).to_pydict()
        known = pq.read_table(source.parent / "truth.parquet", columns=["id", "label"]).to_pydict()
        truth = dict(zip(known["id"], known["label"], strict=True))
        by_class = defaultdict(list)
        for image, name in zip(shipped["image"], shipped["name"], strict=True):
            if label := truth.get(hashlib.sha256(image).hexdigest()):
                by_class[label].append(name)
        rng = np.random.default_rng(seed)
        chosen = [
            (n, label) for label in sorted(by_class) for n in rng.choice(by_class[label], each, replace=False)
        ]
        blank = dict.fromkeys(given[0], "")
        tests = [row for row in given if row["split"] == "test"]
        given = [
            *tests,
            *({**blank, "name": str(n), "label": label, "split": "train"} for n, label in chosen),
        ]
    with (target / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(given[0]))
        writer.writeheader()
        writer.writerows(given)
