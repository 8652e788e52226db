"""A store with all that segmentation needs: squares and bars on dark ground, some with a mask."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import save_file

from components.data.masks import IGNORE, to_text
from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from components.tasks.segmentation import SegmentationConfig
from pipelines.engine.artifact import Artifact
from pipelines.settings import Settings
from pipelines.stages.pseudo_label import stage as pseudo_label
from pipelines.stages.snapshot.table import write_masks
from tests.pipelines.stages.tiny import Here

TRAIN, TEST, SIDE = 40, 12, 16
ENCODER = ResnetConfig(widths=(8, 16), blocks=(1, 1))
CLASSES = ["ground", "square", "bar"]
TASK = SegmentationConfig(classes=tuple(CLASSES))


def scenes(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, 1, SIDE, SIDE] and [N, SIDE, SIDE]: a bright square, a grey bar that lies, noise."""
    random = np.random.default_rng(seed)
    masks = np.zeros((count, SIDE, SIDE), np.uint8)
    for mask in masks:
        row, top, left = (int(n) for n in random.integers(0, SIDE - 5, 3))
        mask[row : row + 3] = 2
        mask[top : top + 5, left : left + 5] = 1
    values = np.array([40, 220, 130])[masks] + random.normal(scale=12, size=masks.shape)
    return np.clip(values, 0, 255).astype(np.uint8)[:, None], masks


def context(home: Path, labelled: int = 12, tests: int = TEST, ignored: bool = True) -> Here:
    """labelled, tests: samples of each split with a mask. ignored: whether a mask has ignored pixels."""
    images, masks = scenes(TRAIN + TEST)
    split = np.where(np.arange(TRAIN + TEST) < TRAIN, "train", "test")
    known = np.concatenate([np.arange(labelled), TRAIN + np.arange(tests)])
    label = np.full(TRAIN + TEST, -1)
    label[known] = 0
    if ignored:
        masks[0, :4] = IGNORE
        masks[TRAIN, :, :4] = IGNORE
    here = Here(
        store=home / "store",
        settings=Settings(home=home, device="cpu", cpus=1),
        recipe="masked",
        folder=home / "log",
    )
    (home / "log").mkdir(parents=True)

    def folder(stage: str) -> Path:
        made = here.store / stage / "0"
        made.mkdir(parents=True)
        return made

    at = folder("snapshot")
    np.save(at / "images.npy", images)
    ids = np.array([f"{i:064x}" for i in range(len(images))])
    table = Table(ids, np.full(len(ids), "s"), split, label)
    table.save(at / "table.parquet")
    packing = image_packing(1, [float(images.mean() / 255)], [float(images.std() / 255)], SIDE)
    here.outputs["snapshot/0"] = SimpleNamespace(
        arrays={"images": Artifact.of(at / "images.npy", at)}, table=Artifact.of(at / "table.parquet", at),
        classes=CLASSES if len(known) else [], packing=packing,
        masks=write_masks({ids[k]: to_text(masks[k]) for k in known}, table, at),
    )  # fmt: skip
    torch.manual_seed(0)
    encoder = build_encoder(ENCODER, packing).eval()
    at = folder("pretrain")
    save_file(encoder.state_dict(), at / "encoder.safetensors")
    here.outputs["pretrain/0"] = SimpleNamespace(
        encoder=Artifact.of(at / "encoder.safetensors", at),
        encoder_config=ENCODER,
        packing=packing,
        policy=None,
    )
    at = folder("embed")
    with torch.no_grad():
        np.save(at / "features.npy", encoder(torch.from_numpy(images).float() / 255).numpy())
    here.outputs["embed/0"] = SimpleNamespace(features=Artifact.of(at / "features.npy", at))
    request = pseudo_label.Request(snapshot="snapshot/0", embed="embed/0", clusters=4, task=TASK)
    here.outputs["pseudo_label/0"] = pseudo_label.run(request, folder("pseudo_label"), here)
    return here
