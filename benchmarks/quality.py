"""What the quickstart reaches, over seeds and label draws: python benchmarks/quality.py [--objective O] [--seeds 5]

Seed 0 has the shipped 100 labels; every other seed draws 100 others (10 a class) from the true labels, and another
initialisation. All else is the recipe. Beside the model stand the baselines with the same labels, measured in the same
run on the same 4,000 test samples; and beside the pseudo-labels that are kept, logistic regression's own surest
predictions at the same coverage. Writes docs/quality-OBJECTIVE.md. About 5 minutes a seed on two cores.
"""

import argparse
import csv
import hashlib
import shutil
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from components.data.table import Table
from components.evaluation.baselines import logistic_on_pixels, pixels
from pipelines.execute import execute
from pipelines.journal import new_run
from pipelines.recipe import Recipe, load
from pipelines.settings import Settings
from pipelines.store import Artifact, read_manifest

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("ingest", "snapshot", "pretrain", "embed", "pseudo_label", "finetune", "evaluate")
OBJECTIVES: dict[str, dict[str, Any]] = {
    "swav": {},  # as the recipe has it
    "simclr": {"name": "simclr", "temperature": 0.2, "hidden": 256, "embedding": 64},
    "deepcluster": {"name": "deepcluster", "clusters": 100, "views": 2, "head": "matched"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--objective", choices=OBJECTIVES, default="swav")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--home", type=Path, default=None, help="kept between runs; default: a temporary folder"
    )
    given = parser.parse_args()
    home = given.home or Path(tempfile.mkdtemp(prefix="selfsup-quality-"))
    rows = []
    for seed in range(given.seeds):
        began = time.time()
        rows.append(measure(given.objective, seed, home.absolute()))
        rows[-1]["minutes"] = (time.time() - began) / 60
        print(seed, {name: round(value, 4) for name, value in rows[-1].items()}, flush=True)
    text = table(given.objective, rows)
    (ROOT / "docs" / f"quality-{given.objective}.md").write_text(text)
    print(text)
    if given.home is None:
        shutil.rmtree(home)


def measure(objective: str, seed: int, home: Path) -> dict[str, float]:
    """One run of the recipe, as far as evaluation; the figures of one row."""
    settings = Settings(home=home, data=home / f"data{seed}" / "data")
    recipe = variant(objective, seed, home)
    done: dict[str, str] = {}
    run = new_run(recipe.name)
    for stage in STAGES:
        done[stage] = execute(stage, recipe, done, settings, run)
    found = read_manifest(done["evaluate"], settings.store).output
    kept = pseudo_labels(done, settings)
    return {
        "model": found["metrics"]["accuracy"],
        **found["baselines"],
        **{f"frozen {name}": value for name, value in found["frozen"].items()},
        "clusters named": found["clusters"].get("named", float("nan")),
        "calibration error": found["metrics"]["ece"],
        **kept,
    }


def variant(objective: str, seed: int, home: Path) -> Recipe:
    """The quickstart with another objective, seed and label draw, and an inbox of its own for that."""
    recipe = load(ROOT / "recipes" / "quickstart.yaml")
    sections = dict(recipe.sections)
    base = dict(sections["pretrain"]["objective"])
    if OBJECTIVES[objective]:
        base = {"view": base["view"], **OBJECTIVES[objective]}
    sections["pretrain"] = {**sections["pretrain"], "objective": base}
    sections["snapshot"] = {}
    inbox = home / f"inbox{seed}"
    if not inbox.exists():
        draw(recipe.inbox, inbox, seed)
    return recipe.model_copy(update={"name": "quality", "seed": seed, "sections": sections, "inbox": inbox})


def draw(source: Path, target: Path, seed: int) -> None:
    """The quickstart's inbox with the labels of this seed."""
    target.mkdir(parents=True)
    delivery = next(source.glob("*.parquet"))
    shutil.copy(delivery, target)
    with (source / "labels.csv").open(newline="") as file:
        given = list(csv.DictReader(file))
    if seed:
        shipped = pq.read_table(delivery, columns=["image", "name"]).to_pydict()
        known = pq.read_table(source.parent / "truth.parquet", columns=["id", "label"]).to_pydict()
        truth = dict(zip(known["id"], known["label"], strict=True))
        by_class = defaultdict(list)
        for image, name in zip(shipped["image"], shipped["name"], strict=True):
            if label := truth.get(hashlib.sha256(image).hexdigest()):
                by_class[label].append(name)
        rng = np.random.default_rng(seed)
        chosen = [
            (n, label) for label in sorted(by_class) for n in rng.choice(by_class[label], 10, replace=False)
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


def pseudo_labels(done: dict[str, str], settings: Settings) -> dict[str, float]:
    """How many of the kept pseudo-labels are right, and of the baseline's surest predictions, as many of them."""
    outputs = {stage: read_manifest(reference, settings.store).output for stage, reference in done.items()}
    if not outputs["pseudo_label"]["named"]:
        return {}

    def file(stage: str, name: str) -> Path:
        return settings.store / done[stage] / Artifact.model_validate(outputs[stage][name]).path

    labelled = pq.read_table(file("pseudo_label", "pseudo_labels")).to_pandas()
    known = pq.read_table(ROOT / "recipes" / "quickstart" / "truth.parquet").to_pandas()
    labelled = labelled.merge(known, on="id")
    labelled = labelled[labelled["source"] != "label"]
    table, classes = Table.load(file("snapshot", "table")), list(outputs["snapshot"]["classes"])
    images = np.load(file("snapshot", "images"), mmap_mode="r")
    train, rest = table.labelled_rows(), labelled["row"].to_numpy()
    logits, _ = logistic_on_pixels(
        pixels(images[train]), table.label[train].astype(np.int64), pixels(images[rest]), len(classes)
    )
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    sure = (shares / shares.sum(axis=1, keepdims=True)).max(axis=1)
    right = np.array(classes)[logits.argmax(axis=1)] == labelled["label"].to_numpy()
    kept = labelled[labelled["kept"]]
    surest = np.argsort(-sure, kind="stable")[: len(kept)]
    return {
        "pseudo-labels kept": len(kept) / len(labelled),
        "kept right": float((kept["class"] == kept["label"]).mean()),
        "baseline's as many right": float(right[surest].mean()),
        "all right": float((labelled["class"] == labelled["label"]).mean()),
    }


def table(objective: str, rows: list[dict[str, float]]) -> str:
    head = f"# Quality of the quickstart with {objective}\n\n{len(rows)} seeds and label draws; two cores, no GPU. "
    head += "Written by `benchmarks/quality.py`.\n\n| figure | mean | deviation | each |\n|---|---|---|---|\n"
    lines = []
    for name in rows[0]:
        values = [row[name] for row in rows if name in row]
        spread = stdev(values) if len(values) > 1 else 0.0
        lines.append(
            f"| {name} | {mean(values):.3f} | {spread:.3f} | {', '.join(f'{v:.3f}' for v in values)} |"
        )
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
