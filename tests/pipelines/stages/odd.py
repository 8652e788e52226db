"""A store with all that detecting anomalies needs: rows of a table, a few of them far out in one column."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import save_file

from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.table_mlp import TableMlpConfig
from components.tasks.anomaly import AnomalyConfig
from pipelines.engine.artifact import Artifact
from pipelines.settings import Settings
from pipelines.stages.pseudo_label import stage as pseudo_label
from tests.components.modalities.table.toys import pack
from tests.pipelines.stages.tiny import Here

TRAIN, TEST, ODD = 240, 120, 0.1
ENCODER = TableMlpConfig(width=16, bins=4)
TASK = AnomalyConfig(false_alarms=0.05)
CLASSES = ["normal", "anomaly"]


def rows(truth: np.ndarray, seed: int) -> list[dict[str, str]]:
    """Three numbers that hang together and a category; of anomalies `b` is far out."""
    random = np.random.default_rng(seed)
    a = random.normal(size=len(truth))
    b = a + 0.5 * random.normal(size=len(truth)) + 5 * truth * random.choice([-1, 1], len(truth))
    return [
        {
            "a": f"{a[k]:.4f}",
            "b": f"{b[k]:.4f}",
            "c": f"{random.normal():.4f}",
            "d": random.choice(["x", "y"]),
        }
        for k in range(len(truth))
    ]


def truth_of(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(TRAIN + TEST) < ODD * (TRAIN + TEST))


def context(home: Path, labelled: int = 0, normals: int = 0, tests: bool = True, given=None) -> Here:
    """labelled, normals: training samples with that label. tests: whether test samples have one. given: rows in place
    of the usual ones."""
    truth, split = truth_of(), np.where(np.arange(TRAIN + TEST) < TRAIN, "train", "test")
    label = np.where((split == "test") & tests, truth.astype(int), -1)
    for value, count in ((1, labelled), (0, normals)):
        label[np.flatnonzero((split == "train") & (truth == value))[:count]] = value
    here = Here(
        store=home / "store",
        settings=Settings(home=home, device="cpu", cpus=1),
        recipe="odd",
        folder=home / "log",
    )
    (home / "log").mkdir(parents=True)

    def folder(stage: str) -> Path:
        made = here.store / stage / "0"
        made.mkdir(parents=True)
        return made

    at = folder("snapshot")
    packed, packing, _ = pack(rows(truth, 0) if given is None else given, at)
    ids = np.array([f"{i:064x}" for i in range(len(packed))])
    Table(ids, np.full(len(ids), "s"), split[: len(ids)], label[: len(ids)]).save(at / "table.parquet")
    here.outputs["snapshot/0"] = SimpleNamespace(
        arrays={"rows": Artifact.of(at / "rows.npy", at)}, table=Artifact.of(at / "table.parquet", at),
        classes=CLASSES, packing=packing,
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
        np.save(at / "features.npy", encoder(torch.from_numpy(packed)).numpy())
    here.outputs["embed/0"] = SimpleNamespace(features=Artifact.of(at / "features.npy", at))
    request = pseudo_label.Request(snapshot="snapshot/0", embed="embed/0", clusters=6, task=TASK)
    here.outputs["pseudo_label/0"] = pseudo_label.run(request, folder("pseudo_label"), here)
    return here
