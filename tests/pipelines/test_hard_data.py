"""Labels and samples as they should not be, through the stages from pretraining to evaluation: each ends in a sensible
model or in a clear refusal, and says how good it is.

The samples are scikit-learn's digits, 8 x 8. One pretraining serves all that share its unlabelled samples.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score, roc_auc_score

from components.data.table import Table
from components.encoders import build_encoder
from components.evaluation.classification.calibration import softmax
from components.evaluation.labels import label_errors, label_noise
from components.modalities.image.config import image_packing
from components.registry.model import load_classifier
from pipelines.engine.artifact import Artifact
from pipelines.settings import Settings
from pipelines.stages import pretrain
from pipelines.stages.evaluate import beyond_accuracy, domain_mismatch
from pipelines.stages.evaluate import classification as evaluate
from pipelines.stages.finetune import classification as finetune
from pipelines.stages.pseudo_label import stage as pseudo_label
from tests.pipelines.stages.tiny import Here

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

TRAIN, TEST, SIDE = 1200, 400, 8
NAMES = [str(digit) for digit in range(10)]
ABOVE = {name: f"{name}/0" for name in ("snapshot", "pretrain", "embed", "pseudo_label", "finetune")}
PRETRAIN = {
    "objective": {"name": "simclr", "hidden": 64, "embedding": 32},
    "views": {"size": SIDE, "scale": [0.5, 1.0], "flip": 0.0, "jitter": 0.0, "grayscale": 0.0},
    "encoder": {"name": "resnet", "widths": [16, 32], "blocks": [1, 1]},
    "train": {"epochs": 2, "batch_size": 100, "precision": "float32"},
}  # fmt: skip
FINETUNE = {
    "steps": 60, "batch_size": 30, "ratio": 2, "learning_rate": 0.005, "precision": "float32", "ema_decay": 0.9,
    "weak": {"size": SIDE, "scale": [0.8, 1.0], "flip": 0.0, "jitter": 0.0, "grayscale": 0.0},
    "strong": {"size": SIDE, "scale": [0.5, 1.0], "flip": 0.0, "jitter": 0.0, "grayscale": 0.0, "erase": 0.3},
    "method": {"name": "supervised"}, "cross_fit": {"folds": 2, "steps": 30}, "scratch": {"steps": 0},
    "checkpoint_seconds": 1000,
}  # fmt: skip


class Data:
    """images: uint8 [N, 1, SIDE, SIDE]. truth: [N], -1 of what is no digit. split: [N]."""

    def __init__(self) -> None:
        found = load_digits()
        rows = np.random.default_rng(0).permutation(len(found.target))[: TRAIN + TEST]
        self.images = (found.images[rows] * 255 / 16).astype(np.uint8)[:, None]
        self.truth = found.target[rows].astype(np.int64)
        self.split = np.where(np.arange(len(rows)) < TRAIN, "train", "test")

    def labels(self, counts: dict[int, int]) -> np.ndarray:
        """The test samples', and so many of each class for training."""
        label = np.where(self.split == "test", self.truth, -1)
        for digit, count in counts.items():
            label[np.flatnonzero((self.split == "train") & (self.truth == digit))[:count]] = digit
        return label

    def only(self, keep: np.ndarray) -> "Data":
        made = Data.__new__(Data)
        made.images, made.truth, made.split = self.images[keep], self.truth[keep], self.split[keep]
        return made


class Run:
    """The stages as far as pseudo-labels; fine-tuning and evaluation when they are asked for."""

    def __init__(self, home: Path, data: Data, label: np.ndarray, parent: "Run | None" = None) -> None:
        (home / "log").mkdir(parents=True)
        self.data, self.label = data, label
        self.here = Here(home / "store", Settings(home=home, device="cpu", cpus=1), "hard", home / "log")
        folder = self.folder("snapshot")
        np.save(folder / "images.npy", data.images)
        ids = np.array([f"{i:064x}" for i in range(len(label))])
        Table(ids, np.full(len(ids), "s"), data.split, label).save(folder / "table.parquet")
        pixels = data.images[data.split == "train"] / 255
        self.here.outputs["snapshot/0"] = SimpleNamespace(
            arrays={"images": Artifact.of(folder / "images.npy", folder)},
            table=Artifact.of(folder / "table.parquet", folder),
            classes=NAMES, samples=len(ids), packing=image_packing(1, [pixels.mean()], [pixels.std()], SIDE),
        )  # fmt: skip
        folder = self.folder("pretrain")
        if parent is None:
            asked = pretrain.Request.model_validate({"snapshot": "snapshot/0", **PRETRAIN})
            self.pretrained = pretrain.run(asked, folder, self.here)
        else:
            self.pretrained = parent.pretrained
            source = parent.here.file("pretrain/0", self.pretrained.encoder)
            (folder / "encoder.safetensors").write_bytes(source.read_bytes())
        self.here.outputs["pretrain/0"] = self.pretrained
        folder = self.folder("embed")
        encoder = build_encoder(self.pretrained.encoder_config, self.pretrained.packing).eval()
        encoder.load_state_dict(load_file(self.here.file("pretrain/0", self.pretrained.encoder)))
        with torch.inference_mode():
            np.save(folder / "features.npy", encoder(torch.from_numpy(data.images).float() / 255).numpy())
        self.here.outputs["embed/0"] = SimpleNamespace(features=Artifact.of(folder / "features.npy", folder))
        asked = pseudo_label.Request(snapshot="snapshot/0", embed="embed/0", clusters=20)
        self.pseudo = pseudo_label.run(asked, self.folder("pseudo_label"), self.here)
        self.here.outputs["pseudo_label/0"] = self.pseudo

    def folder_of(self, stage: str) -> Path:
        return self.here.store / stage / "0"

    def folder(self, stage: str) -> Path:
        self.folder_of(stage).mkdir(parents=True)
        return self.folder_of(stage)

    def finetune(self, **options: Any) -> finetune.Output:
        above = {name: ABOVE[name] for name in ("snapshot", "pretrain", "pseudo_label")}
        asked = finetune.Request.model_validate({**above, **FINETUNE, **options})
        self.tuned = finetune.run(asked, self.folder("finetune"), self.here)
        self.here.outputs["finetune/0"] = self.tuned
        return self.tuned

    def unlike(self) -> float:
        """Share of the unlabelled samples that are unlike all labelled ones."""
        x, train = np.load(self.folder_of("embed") / "features.npy"), self.data.split == "train"
        found = domain_mismatch.unlike(x[train & (self.label >= 0)], x[~train], x[train & (self.label < 0)])
        assert found is not None
        return found

    def evaluate(self) -> evaluate.Output:
        asked = evaluate.Request(**ABOVE, bootstrap=200, protocols=())
        return evaluate.run(asked, self.folder("evaluate"), self.here)

    def answer(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Probabilities [M, K] of the fine-tuned model, distances [M], and the limit of these."""
        model = load_classifier(self.here.file("finetune/0", self.tuned.model).parent)
        with torch.inference_mode():
            logits, features = model.answer(torch.from_numpy(images).float() / 255)
        assert model.config.outliers is not None
        distances = model.distances(features.numpy())
        assert distances is not None
        return logits.double().softmax(1).numpy(), distances, model.config.outliers.limit

    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities [M, K] and classes [M] of the test samples."""
        rows = self.data.split == "test"
        return self.answer(self.data.images[rows])[0], self.data.truth[rows]


@pytest.fixture(scope="module")
def data() -> Data:
    return Data()


@pytest.fixture(scope="module")
def first(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Whose pretraining the others share. Ten labels of each digit, but one of the 3 and none of the 7."""
    counts = {digit: 10 for digit in range(10)} | {3: 1, 7: 0}
    made = Run(tmp_path_factory.mktemp("first"), data, data.labels(counts))
    made.finetune()
    return made


def test_one_label_for_a_class(first: Run) -> None:
    assert "1 class with a single label took no part in the evidence" in first.pseudo.note
    assert (first.tuned.labels, first.tuned.validated) == (81, 80)
    p, truth = first.test()
    others = ~np.isin(truth, (3, 7))
    accuracy = (p.argmax(1) == truth)[others].mean()
    print("accuracy of the others", accuracy, "area of the one", roc_auc_score(truth == 3, p[:, 3]))
    assert accuracy > 0.8
    assert roc_auc_score(truth == 3, p[:, 3]) > 0.8


def test_a_class_without_any_label(first: Run) -> None:
    assert first.tuned.note == "no label to learn from, so never predicted: 1 class, 7"
    assert "1 class without a label is never named" in first.pseudo.note
    p, _ = first.test()
    assert not (p.argmax(1) == 7).any()
    assert p[:, 7].max() < 0.5
    assert first.pseudo.per_class["7"] == 0


def test_what_the_model_calls_strange(first: Run) -> None:
    """Of the test samples about the promised 5 %; of what is no digit nearly all."""
    images = first.data.images[first.data.split == "test"]
    foreign = {"noise": noise(300), "inverted": 255 - images}
    share = {}
    for name, asked in {"test": images, **foreign}.items():
        _, distances, limit = first.answer(asked)
        share[name] = (distances > limit).mean()
    print("called strange", share)
    assert 0.01 < share["test"] < 0.1  # 400 test samples, 600 for the limit
    assert min(share[name] for name in foreign) > 0.9


def test_all_labels_of_one_class(first: Run, tmp_path: Path) -> None:
    run = Run(tmp_path, first.data, first.data.labels({4: 20}), first)
    assert "all of one class, so only they are kept" in run.pseudo.note
    assert (
        run.finetune().skipped
        == "labels of one class only (4): a classifier needs labels of at least two classes"
    )
    found = run.evaluate()
    assert found.skipped == run.tuned.skipped
    assert found.clusters["accuracy"] > 0.3  # what needs no labels is measured all the same
    assert any("label samples of at least two classes" in line for line in run.here.said)


def noise(count: int) -> np.ndarray:
    """Black and white at random, each sample of its own brightness."""
    rng = np.random.default_rng(2)
    white = rng.integers(60, 255, (count, 1, 1, 1))
    return (rng.integers(0, 2, (count, 1, SIDE, SIDE)) * white).astype(np.uint8)


def test_unlabelled_samples_of_another_domain_are_not_said_to_help(
    first: Run, data: Data, tmp_path: Path
) -> None:
    label = data.labels({digit: 10 for digit in range(10)})
    own = (data.split == "test") | (label >= 0)
    mixed, foreign = data.only(own), noise(400)
    mixed.images = np.concatenate([mixed.images, foreign])
    mixed.truth = np.concatenate([mixed.truth, np.full(len(foreign), -1)])
    mixed.split = np.concatenate([mixed.split, np.full(len(foreign), "train")])
    run = Run(tmp_path, mixed, np.concatenate([label[own], np.full(len(foreign), -1)]))
    run.finetune(method={"name": "fixmatch", "threshold": 0.8}, steps=30, cross_fit={"folds": 0})
    found = run.evaluate()
    print("unlike the labelled ones", found.unlike, "of digits", first.unlike(), found.benefit)
    assert found.benefit is not None
    assert found.unlike is not None
    assert found.unlike > 0.9
    assert first.unlike() < 0.3  # of digits, though two of ten have next to no label
    assert any("so they do not help" in warning for warning in found.benefit.warnings)
    if found.benefit.word == "better":  # strong views of the labelled samples themselves may help
        assert "the unlabelled samples are of another kind and have no part in that" in found.benefit.line


def test_four_of_ten_labels_wrong(first: Run, data: Data, tmp_path: Path) -> None:
    """The labels that look wrong are wrong twice as often as the others, and three of four wrong ones are among them;
    those that the report lists, the worst, are nearly all wrong."""
    label, rng = data.labels(dict.fromkeys(range(10), 40)), np.random.default_rng(1)
    rows = np.flatnonzero((data.split == "train") & (label >= 0))
    wrong = rng.permutation(rows)[: int(0.4 * len(rows))]
    label[wrong] = (label[wrong] + rng.integers(1, 10, len(wrong))) % 10
    run = Run(tmp_path, data, label, first)
    run.finetune()
    held = pq.read_table(run.here.file("finetune/0", run.tuned.held))
    logits = np.stack([held[f"logit_{k}"].to_numpy() for k in range(10)], axis=1)
    found = label_errors.suspects(softmax(logits / run.tuned.temperature), held["label"].to_numpy())
    right = np.isin(held["row"].to_numpy()[found.rows], wrong)
    named = label_noise.named(softmax(logits / run.tuned.temperature), held["label"].to_numpy())
    true = np.isin(held["row"].to_numpy()[named.suspects.rows], wrong).mean()
    print("named", len(named.suspects.rows), "estimated", named.precision, "true", true)
    assert len(named.suspects.rows) > 0.5 * len(wrong)
    assert named.precision == pytest.approx(true, abs=0.15)
    p, truth = run.test()
    told = (
        right.mean(),
        right.sum() / len(wrong),
        right[: beyond_accuracy.SHOWN].mean(),
        (p.argmax(1) == truth).mean(),
    )
    print("precision, recall, precision of those shown, accuracy", told)
    assert np.all(np.array(told) > (0.65, 0.65, 0.9, 0.7)), told


def test_a_class_a_hundred_times_rarer_than_others(first: Run, data: Data, tmp_path: Path) -> None:
    """Five digits, one 0 to a hundred of each other, labels and the rest: logit adjustment finds the 0.

    Where the one label is of a digit with many shapes (the 9) it gains little: recall 0 to .03.
    """
    rare = (data.truth == 0) & (data.split == "train")
    some = data.only((data.truth < 5) & (~rare | (np.cumsum(rare) <= 1)))
    label = some.labels({0: 1} | dict.fromkeys(range(1, 5), 100))
    known = label[(some.split == "train") & (label >= 0)]
    assert np.bincount(known).tolist() == [1, 100, 100, 100, 100]
    recall, f1 = {}, {}
    for tau in (0.0, 1.0):
        run = Run(tmp_path / str(tau), some, label, first)
        run.finetune(method={"name": "supervised", "loss": {"adjustment": tau}}, cross_fit={"folds": 0})
        p, truth = run.test()
        recall[tau] = float((p.argmax(1) == 0)[truth == 0].mean())
        f1[tau] = f1_score(truth, p.argmax(1), average="macro")
    print("recall of the rare class", recall, "macro F1", f1)
    assert recall[1.0] > recall[0.0] + 0.4
    assert f1[1.0] > f1[0.0] + 0.1
