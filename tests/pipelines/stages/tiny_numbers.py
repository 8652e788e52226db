"""A store with everything that a regression needs: noisy pictures, whose number is how bright they are."""

from pathlib import Path

import numpy as np
import torch

from components.data.table import Table
from components.encoders import build_encoder
from pipelines.engine.artifact import Artifact
from tests.pipelines.stages.tiny import ENCODER, SIDE, TEST, TRAIN, Here, context

ABOVE = {"snapshot": "snapshot/0", "pretrain": "pretrain/0", "pseudo_label": "pseudo_label/0"}
TASK = {"task": {"name": "regression"}}


def numbers(home: Path, labels: int, constant: float | None = None, seed: int = 0) -> Here:
    """labels: training samples whose number is shown. constant: the number of all of these."""
    here = context(home, {0: 6, 1: 6, 2: 6}, seed)
    above = here.outputs["snapshot/0"]
    old, at = Table.load(here.file("snapshot/0", above.table)), here.store / "snapshot" / "0"
    rng = np.random.default_rng(seed)
    bright = rng.uniform(0, 100, TRAIN + TEST)
    images = (rng.integers(40, 120, (TRAIN + TEST, 1, SIDE, SIDE)) + bright[:, None, None, None]).astype(
        np.uint8
    )
    target = np.full(len(images), np.nan)
    target[old.split == "test"] = 1000 + 5 * bright[old.split == "test"]
    shown = np.flatnonzero(old.split == "train")[:labels]
    target[shown] = 1000 + 5 * bright[shown] if constant is None else constant
    label = np.where(np.isnan(target), -1, 0)
    Table(old.ids, old.shards, old.split, label, target=target).save(at / "numbers.parquet")
    np.save(at / "bright.npy", images)
    above.arrays = {"images": Artifact.of(at / "bright.npy", at)}
    above.table, above.classes = Artifact.of(at / "numbers.parquet", at), []
    torch.manual_seed(seed)
    encoder, at = build_encoder(ENCODER, above.packing), here.store / "embed" / "0"
    with torch.no_grad():
        np.save(at / "bright.npy", encoder.eval()(torch.from_numpy(images).float() / 255).numpy())
    here.outputs["embed/0"].features = Artifact.of(at / "bright.npy", at)
    return here
