"""A store with all that ranking items needs: users who go through six items in turn, now and then through another."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import save_file

from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.history_transformer import HistoryTransformerConfig
from components.objectives.base import Batch
from components.objectives.sasrec import Sasrec, SasrecConfig
from pipelines.engine.artifact import Artifact
from pipelines.settings import Settings
from tests.components.modalities.events.toys import pack, turns
from tests.pipelines.stages.tiny import Here

USERS = 80
ENCODER = HistoryTransformerConfig(width=16, depth=1, window=10, dropout=0.0)
ABOVE = {"snapshot": "snapshot/0", "pretrain": "pretrain/0", "pseudo_label": "pseudo_label/0"}


def context(home: Path, words=None, steps: int = 0, strangers: int = 0, **config) -> Here:
    """words: histories, in place of the usual ones. steps: of SASRec. strangers: users of the split test."""
    words = turns(USERS) if words is None else words
    here = Here(
        store=home / "store",
        settings=Settings(home=home, device="cpu", cpus=1),
        recipe="shopping",
        folder=home / "log",
    )
    (home / "log").mkdir(parents=True)

    def folder(stage: str) -> Path:
        made = here.store / stage / "0"
        made.mkdir(parents=True)
        return made

    at = folder("snapshot")
    packed, packing, written = pack(words, at, **config)
    ids = np.array([f"{k:064x}" for k in range(len(packed))])
    split = np.where(np.arange(len(ids)) < strangers, "test", "train")
    table = Table(ids, np.full(len(ids), "s", object), split, np.full(len(ids), -1))
    table.save(at / "table.parquet")
    here.outputs["snapshot/0"] = SimpleNamespace(
        arrays={name: Artifact.of(at / file, at) for name, file in written.files.items()},
        table=Artifact.of(at / "table.parquet", at), classes=[], packing=packing, samples=len(ids),
    )  # fmt: skip
    torch.manual_seed(0)
    encoder = build_encoder(ENCODER, packing)
    train(encoder, packed.gather(torch.from_numpy(table.train_rows())), steps)
    at = folder("pretrain")
    save_file(encoder.eval().state_dict(), at / "encoder.safetensors")
    here.outputs["pretrain/0"] = SimpleNamespace(
        encoder=Artifact.of(at / "encoder.safetensors", at), encoder_config=ENCODER, packing=packing
    )
    at = folder("embed")
    with torch.inference_mode():
        np.save(at / "features.npy", encoder(packed.gather(torch.arange(len(ids)))).numpy())
    here.outputs["embed/0"] = SimpleNamespace(features=Artifact.of(at / "features.npy", at))
    return here


def train(encoder, view, steps):
    """SASRec on all users at once."""
    objective = Sasrec(SasrecConfig(), encoder)
    optimiser = torch.optim.Adam(encoder.parameters(), 0.01)
    for step in range(steps):
        loss = objective(encoder, Batch([view], torch.arange(len(view)))).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        objective.after_step(encoder, (step + 1) / steps)
