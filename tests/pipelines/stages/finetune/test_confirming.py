"""Cross-fitting watches whether the method is led astray: on trainings whose guesses are right, and on ones of which
40 % are wrong."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from components.data.table import Table
from components.encoders import build_encoder
from components.semisupervised import fixmatch
from pipelines.engine.artifact import Artifact
from pipelines.stages.finetune import classification as finetune
from pipelines.stages.finetune.classification import Request
from tests.pipelines.stages.tiny import ENCODER, SIDE, context

NOISE = 50
OPTIONS = {
    "snapshot": "snapshot/0", "pretrain": "pretrain/0", "pseudo_label": "pseudo_label/0", "batch_size": 10, "ratio": 3,
    "learning_rate": 0.005, "precision": "float32", "ema_decay": 0.8, "steps": 1, "scratch": {"steps": 0},
    "method": {"name": "fixmatch", "threshold": 0.8, "align": False, "together": False, "weight": 5},
    "cross_fit": {"folds": 2, "steps": 40}, "weak": {"size": SIDE, "scale": [0.9, 1], "jitter": 0},
    "strong": {"size": SIDE, "scale": [0.9, 1], "jitter": 0},
}  # fmt: skip


def led_astray(truth):
    """What 40 % of the samples are taken for is wrong: all of the first class, and a fifth of the second."""
    wrong = torch.full((len(truth),), -1)
    wrong[truth == 0] = 1
    wrong[np.flatnonzero(truth == 1)[::5]] = 2
    assert float((wrong >= 0).float().mean()) == pytest.approx(0.4, abs=0.01)

    def consistency(self, seen, real=fixmatch.Fixmatch.consistency):
        named = wrong[seen.rows]
        sure = 10 * torch.eye(3)[named.clamp(min=0)]
        return real(self, replace(seen, weak=torch.where((named >= 0).unsqueeze(1), sure, seen.weak)))

    return consistency


@pytest.fixture
def here(tmp_path):
    """With noisier pictures, so that nobody is sure at first; and an encoder that knows its batch-norm statistics, as
    one has that was trained."""
    made = context(tmp_path, {0: 14, 1: 14, 2: 14})
    shown, file = made.outputs["pretrain/0"], made.store / "snapshot" / "0" / "images.npy"
    images = np.load(file)
    noise = np.random.default_rng(1).normal(0, NOISE, images.shape)
    images = (images + noise).clip(0, 255).astype(np.uint8)
    np.save(file, images)
    snapshot = {**vars(made.outputs["snapshot/0"]), "arrays": {"images": Artifact.of(file, file.parent)}}
    made.outputs["snapshot/0"] = SimpleNamespace(**snapshot)
    torch.manual_seed(0)
    encoder = build_encoder(ENCODER, shown.packing).train()
    with torch.no_grad():
        for _ in range(30):
            encoder(torch.from_numpy(images).float() / 255)
    file = made.store / "pretrain" / "0" / "settled.safetensors"
    save_file(encoder.state_dict(), file)
    settled = {**vars(shown), "encoder": Artifact.of(file, file.parent)}
    made.outputs["pretrain/0"] = SimpleNamespace(**settled)
    (made.store / "finetune" / "0").mkdir(parents=True)
    return made


@pytest.mark.parametrize("astray", [False, True], ids=["healthy", "40 % wrong"])
def test_who_is_accused(here, monkeypatch, astray):
    if astray:
        table = Table.load(here.store / "snapshot" / "0" / "table.parquet")
        truth = np.random.default_rng(0).permutation(len(table)) % 3  # as the pictures are made
        assert (table.label[table.labelled_rows()] == truth[table.labelled_rows()]).all()
        monkeypatch.setattr(fixmatch.Fixmatch, "consistency", led_astray(truth[table.train_rows()]))
    seen = finetune.run(Request(**OPTIONS), here.store / "finetune" / "0", here).confirmation
    assert seen.confidence_after > seen.confidence_before
    assert seen.found == astray
    assert seen.right_before > 0.8
    assert seen.right_alone > 0.8
    assert (seen.right_after < 0.5) == astray
