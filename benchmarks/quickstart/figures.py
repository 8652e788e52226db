"""A run of the recipe as far as evaluation, and the figures that are taken from it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.quickstart.draws import ROOT
from components.data.table import Table
from components.evaluation.classification.baselines import logistic_on_pixels, pixels
from components.modalities.image.config import ARRAY
from pipelines.engine.artifact import Artifact
from pipelines.engine.execute import execute
from pipelines.engine.journal import new_run
from pipelines.engine.store import read_manifest
from pipelines.recipe import Recipe
from pipelines.settings import Settings

STAGES = ("ingest", "snapshot", "pretrain", "embed", "pseudo_label", "finetune", "evaluate")
UNLABELLED = ("pretrain", "embed")  # stages that look at no label


def run(recipe: Recipe, home: Path, stand: dict[str, str] | None = None) -> dict[str, str]:
    """References of all stages as far as evaluation. stand: of those that are taken from another run as they are."""
    settings, done = Settings(home=home, data=recipe.inbox.parent / "data"), dict(stand or {})
    journal = new_run(recipe.name)
    for stage in STAGES:
        if stage not in done:
            done[stage] = execute(stage, recipe, done, settings, journal)
    return done


def figures(done: dict[str, str], home: Path) -> dict[str, float]:
    """One row."""
    settings = Settings(home=home)
    found = read_manifest(done["evaluate"], settings.store).output
    return {
        "model": found["metrics"]["accuracy"],
        "same encoder, labels alone": found["intervals"]["alone"]["value"],
        **found["baselines"],
        **{f"frozen {name}": value for name, value in found["frozen"].items()},
        "clusters named": found["clusters"].get("named", float("nan")),
        "calibration error": found["metrics"]["ece"],
        **pseudo_labels(done, settings),
    }


def pseudo_labels(done: dict[str, str], settings: Settings) -> dict[str, float]:
    """How many of the kept pseudo-labels are right, and of the baseline's surest predictions, as many of them."""
    outputs = {stage: read_manifest(reference, settings.store).output for stage, reference in done.items()}
    if not outputs["pseudo_label"]["named"]:
        return {}

    def file(stage: str, artifact: Any) -> Path:
        return settings.store / done[stage] / Artifact.model_validate(artifact).path

    snapshot, labels = outputs["snapshot"], outputs["pseudo_label"]["pseudo_labels"]
    labelled = pq.read_table(file("pseudo_label", labels)).to_pandas()
    known = pq.read_table(ROOT / "recipes" / "quickstart" / "truth.parquet").to_pandas()
    labelled = labelled.merge(known, on="id")
    labelled = labelled[labelled["source"] != "label"]
    table, classes = Table.load(file("snapshot", snapshot["table"])), list(snapshot["classes"])
    images = np.load(file("snapshot", snapshot["arrays"][ARRAY]), mmap_mode="r")
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
