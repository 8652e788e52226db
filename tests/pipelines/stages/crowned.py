"""A home with a champion in a real MLflow, and snapshots of pictures that grow delivery by delivery."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from components.data.table import Table
from components.modalities.image.config import image_packing
from components.registry.champion import combined
from components.registry.mlflow_registry import REFERENCE, Registry, connect, experiment
from components.registry.model import Classifier, ModelConfig
from components.registry.outlier_model import fit_ordinary
from components.registry.served import digests, save_model
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.settings import Settings

SIDE, CLASSES = 12, ["bag", "shirt", "shoe"]
MODALITY = {"name": "image", "size": SIDE, "channels": 1}
MODEL = {
    "encoder": {"name": "resnet", "widths": [4, 8], "blocks": [1, 1]},
    "packing": {**MODALITY, "mean": [0.5], "std": [0.3]}, "classes": CLASSES,
    "sets": {"score": "lac", "miss": 0.1, "thresholds": [0.65] * len(CLASSES)},
}  # fmt: skip


def empty_mlflow(folder: Path) -> Path:
    """A database with its tables, to be copied: making them takes ten seconds."""
    connect(f"sqlite:///{folder}/mlflow.db", folder / "lock")
    return folder / "mlflow.db"


def context_of(home: Path, template: Path, **settings: Any) -> Context:
    (home / "mlflow").mkdir(parents=True)
    shutil.copy(template, home / "mlflow" / "mlflow.db")
    made = Settings(home=home, data=home / "data", device="cpu", **settings)
    made.store.mkdir(parents=True, exist_ok=True)
    return Context(store=made.store, settings=made, recipe="toys")


def finish(context: Context, stage: str, key: str, output: dict[str, Any], **request: Any) -> str:
    folder = context.store / stage / key
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        stage=stage, version=1, recipe="toys", given=request, request=request, observed={}, code="c", output=output,
        started=0.0, seconds=1.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return f"{stage}/{key}"


def snapshot(
    context: Context, key: str, deliveries: list[tuple[str, np.ndarray]], labels: int = 0, **modality: Any
) -> str:
    """deliveries: (shard, uint8 [n, 1, SIDE, SIDE]); each fifth sample is a test item, the first `labels` of the
    others are labelled with class row % 3."""
    folder = context.store / "snapshot" / key
    folder.mkdir(parents=True, exist_ok=True)
    images = np.concatenate([pixels for _, pixels in deliveries])
    shards = np.concatenate([np.full(len(pixels), shard) for shard, pixels in deliveries])
    n = len(images)
    split = np.where(np.arange(n) % 5 == 4, "test", "train")
    label = np.where((split == "test") | (np.cumsum(split == "train") <= labels), np.arange(n) % 3, -1)
    np.save(folder / "images.npy", images)
    ids = np.array([f"{i:064x}" for i in range(n)])
    Table(ids, shards, split, label.astype(np.int64)).save(folder / "table.parquet")
    files = {
        name: Artifact.of(folder / f"{name}.{end}", folder).model_dump()
        for name, end in (("images", "npy"), ("table", "parquet"))
    }
    packing = image_packing(1, [0.5], [0.3]).model_dump(mode="json") | MODALITY | modality
    output = {
        "arrays": {"images": files["images"]}, "table": files["table"], "packing": packing,
        "samples": n, "classes": CLASSES, "version": f"{key}.dir",
        "labelled": int(((split == "train") & (label >= 0)).sum()), "tests": int((split == "test").sum()),
    }  # fmt: skip
    return finish(context, "snapshot", key, output, modality={**MODALITY, **modality})


def noise(count: int, seed: int, low: int = 0, high: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (count, 1, SIDE, SIDE), dtype=np.uint8)


def registry_of(context: Context) -> Registry:
    lock = context.settings.home / "mlflow" / "store.lock"
    return Registry(connect(context.settings.mlflow, lock), "toys", lock)


def classifier(seed: int, knows: bool = True) -> Classifier:
    """knows: whether it can tell what is strange, which models of old could not."""
    torch.manual_seed(seed)
    plain = Classifier(ModelConfig.model_validate(MODEL)).eval()
    with torch.no_grad():
        plain.head.weight.mul_(20)  # answers that differ from sample to sample
        logits, features = plain.answer(torch.from_numpy(noise(400, 99)).float() / 255)
    ordinary = fit_ordinary(features.numpy(), logits.argmax(1).numpy(), 0.05, seed=0) if knows else None
    if ordinary is None:
        return plain
    made = Classifier(plain.config.model_copy(update={"outliers": ordinary.config})).eval()
    known = {"means": torch.from_numpy(ordinary.means), "whiten": torch.from_numpy(ordinary.whiten)}
    made.load_state_dict({**plain.state_dict(), **known})
    return made


def crown(context: Context, seed: int = 0, knows: bool = True, **tags: str) -> str:
    """Registers a classifier and makes it champion; returns its version."""
    registry = registry_of(context)
    place = context.settings.home / "models" / str(seed)
    save_model(classifier(seed, knows), place / "artifacts" / "classifier")
    digest = combined(digests(place / "artifacts" / "classifier"))
    where = experiment(registry.client, "toys", context.settings.mlflow_artifacts, registry.lock)
    run_id = registry.client.create_run(where).info.run_id
    logged = registry.client.create_logged_model(where, "model", run_id)
    version = registry.register(
        f"register/{seed}", source=place.as_uri(), run_id=run_id, model_id=logged.model_id,
        tags={"selfsup.digest": digest, REFERENCE: f"register/{seed}", **tags},
    )  # fmt: skip
    registry.set_alias("champion", version)
    return version
