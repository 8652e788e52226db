"""A store with everything that fine-tuning and evaluation need, on pictures that a glance tells apart."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.settings import Settings
from pipelines.stages.pseudo_label import stage as pseudo_label

CLASSES = ["lying", "standing", "flat"]
SIDE, TRAIN, TEST = 12, 120, 60
ENCODER = ResnetConfig(widths=(8, 16), blocks=(1, 1))


@dataclass(frozen=True)
class Here(Context):
    """A context whose upstream outputs are given, not read from manifests."""

    outputs: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def output(self, reference: str) -> Any:
        return self.outputs[reference]

    def say(self, text: str) -> None:
        self.said.append(text)


def pictures(labels: np.ndarray, seed: int) -> np.ndarray:
    """uint8 [N, 1, SIDE, SIDE]: stripes that lie, stripes that stand, or none, of random phase, in noise."""
    rng = np.random.default_rng(seed)
    images = rng.integers(60, 140, (len(labels), 1, SIDE, SIDE))
    for i, k in enumerate(labels):
        phase = rng.integers(4)
        stripes = 60 * ((np.arange(SIDE) + phase) % 4 < 2)
        images[i, 0] += 30 if k == 2 else stripes[:, None] if k == 0 else stripes[None, :]
    return images.astype(np.uint8)


def context(home: Path, labels_a_class: dict[int, int], seed: int = 0, cpus: int = 1) -> Here:
    """labels_a_class: class -> how many training samples have their label shown. cpus: 1, so that a test can watch
    what happens from this process."""
    truth = np.arange(TRAIN + TEST) % 3
    split = np.where(np.arange(TRAIN + TEST) < TRAIN, "train", "test")
    order = np.random.default_rng(seed).permutation(TRAIN + TEST)
    truth, split = truth[order], split[order]
    label = np.where(split == "test", truth, -1)
    for k, count in labels_a_class.items():
        label[np.flatnonzero((split == "train") & (truth == k))[:count]] = k
    ids = np.array([f"{i:064x}" for i in range(len(truth))])
    here = Here(
        store=home / "store",
        settings=Settings(home=home, device="cpu", cpus=cpus),
        recipe="tiny",
        folder=home / "log",
    )
    (home / "log").mkdir()

    def folder(stage: str) -> Path:
        made = here.store / stage / "0"
        made.mkdir(parents=True)
        return made

    at = folder("snapshot")
    images = pictures(truth, seed)
    np.save(at / "images.npy", images)
    Table(ids, np.full(len(ids), "s"), split, label).save(at / "table.parquet")
    mean, std = [float(images.mean() / 255)], [float(images.std() / 255)]
    here.outputs["snapshot/0"] = SimpleNamespace(
        arrays={"images": Artifact.of(at / "images.npy", at)}, table=Artifact.of(at / "table.parquet", at),
        classes=CLASSES if labels_a_class else [], packing=image_packing(1, mean, std, SIDE),
    )  # fmt: skip
    torch.manual_seed(seed)
    encoder = build_encoder(ENCODER, image_packing(1, mean, std, SIDE))
    at = folder("pretrain")
    save_file(encoder.state_dict(), at / "encoder.safetensors")
    here.outputs["pretrain/0"] = SimpleNamespace(
        encoder=Artifact.of(at / "encoder.safetensors", at),
        encoder_config=ENCODER,
        packing=image_packing(1, mean, std, SIDE),
        policy="upright",
    )
    at = folder("embed")
    with torch.no_grad():
        np.save(at / "features.npy", encoder.eval()(torch.from_numpy(images).float() / 255).numpy())
    here.outputs["embed/0"] = SimpleNamespace(features=Artifact.of(at / "features.npy", at))
    request = pseudo_label.Request(snapshot="snapshot/0", embed="embed/0", clusters=6, target_precision=0.8)
    here.outputs["pseudo_label/0"] = pseudo_label.run(request, folder("pseudo_label"), here)
    return here
