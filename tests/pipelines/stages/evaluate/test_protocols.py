"""The protocols that a recipe names: each beside a peer or a planted answer, on its own samples and no others."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score
from sklearn.neighbors import NearestNeighbors
from torch import nn

from components.config import explain
from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.encoders.vit import VitConfig
from components.evaluation.classification.corruptions import NAMES
from components.modalities.image.config import image_packing
from components.modalities.samples import Samples
from components.training.device import Placement
from pipelines.stages.evaluate import dense, protocols
from pipelines.stages.evaluate.classification import Request
from pipelines.stages.evaluate.protocols import PROTOCOLS, cheap, follow
from pipelines.stages.evaluate.subject import Subject
from tests.pipelines.stages.tiny import SIDE, pictures

CPU = Placement(torch.device("cpu"), torch.float32)
TRAIN, TEST, LABELLED = 90, 60, 30
ABOVE = {name: f"{name}/0" for name in ("snapshot", "pretrain", "embed", "pseudo_label", "finetune")}


class Bright(nn.Module):
    """Says class 0, 1 or 2 by the mean brightness: under .4, under .5, above."""

    def forward(self, x):
        return -(x.mean(dim=(1, 2, 3))[:, None] - torch.tensor([0.35, 0.45, 0.55])).abs()


def packed(images, folder):
    """The images in a file of their own."""
    file = folder / f"images-{len(list(folder.iterdir()))}.npy"
    np.save(file, images)
    return Samples(packing=image_packing(1, [0.4], [0.2], SIDE), files={"images": file})


@pytest.fixture
def subject(tmp_path):
    """Makes subjects."""
    return partial(made_subject, tmp_path)


def made_subject(folder, *, spread=0.3, encoder=None, seed=0):
    """Features are blobs a class, pictures the tiny stripes; a third of the training samples is labelled."""
    rng = np.random.default_rng(seed)
    truth = np.arange(TRAIN + TEST) % 3
    split = np.where(np.arange(len(truth)) < TRAIN, "train", "test")
    hidden = (split == "train") & (np.arange(len(truth)) >= LABELLED)
    table = Table(np.array([f"{i:064x}" for i in range(len(truth))]), np.full(len(truth), "s"), split,
                  np.where(hidden, -1, truth))  # fmt: skip
    features = (np.eye(5)[truth] + spread * rng.standard_normal((len(truth), 5))).astype(np.float32)
    torch.manual_seed(seed)
    made = encoder or build_encoder(
        ResnetConfig(widths=(4, 8), blocks=(1, 1)), image_packing(1, [0.4], [0.2])
    )
    samples = packed(pictures(truth, seed), folder)
    return Subject(table, 3, features, samples, lambda: (made, None), Bright(), CPU, seed)


def figures(name, given):
    found = follow([name], given, print)
    assert found.left_out == {}
    return found.figures[name]


def test_retrieval_is_scikit_learns_neighbours_among_the_other_test_samples(subject):
    given = subject(spread=0.8)
    rows = given.table.test_rows()
    near = NearestNeighbors(n_neighbors=6, metric="cosine").fit(given.features[rows])
    order = near.kneighbors(given.features[rows], return_distance=False)[:, 1:]
    hits = given.table.label[rows][order] == given.table.label[rows][:, None]
    found = figures("retrieval", given)
    assert found["recall_1"] == pytest.approx(hits[:, 0].mean())
    assert found["recall_5"] == pytest.approx(hits.any(axis=1).mean())
    assert found["samples"] == TEST
    assert found["recall_1"] < found["recall_5"]


def test_clusters_of_blobs_are_the_classes_and_of_noise_are_not(subject):
    blobs = subject(spread=0.05)
    blobs.features[:, 0] += 5  # where the samples lie as a whole says nothing of them
    assert figures("clustering", blobs) == {
        "accuracy": 1,
        "purity": 1,
        "nmi": pytest.approx(1),
        "ari": pytest.approx(1),
        "samples": TEST,
    }
    assert figures("clustering", subject(spread=20))["nmi"] < 0.2


def test_clusters_are_made_without_the_test_samples(subject):
    given = subject(spread=0.8)
    moved = given.features.copy()
    moved[given.table.test_rows()[:30]] += (
        50  # half of what is asked lies elsewhere: the others stay where they are
    )
    seen = []
    for features in (given.features, moved):
        one = Subject(given.table, 3, features, given.samples, given.encoder, given.model, CPU)
        told, kept = protocols.agreement, []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(protocols, "agreement", lambda c, y: kept.append(c) or told(c, y))  # noqa: B023
            found = figures("clustering", one)
        labels = given.table.label[given.table.test_rows()]
        assert found["nmi"] == pytest.approx(normalized_mutual_info_score(labels, kept[0]))
        seen.append(kept[0])
    np.testing.assert_array_equal(seen[0][30:], seen[1][30:])


def test_corruptions_of_a_model_that_looks_at_the_brightness_alone(subject):
    given = subject()
    found = figures("corruptions", given)
    images, labels = given.views(given.table.test_rows())
    clean = float((Bright()(images).argmax(1) == labels).float().mean())
    assert found["clean"] == pytest.approx(clean)
    assert all(found[f"contrast_{s}"] == pytest.approx(clean) for s in range(1, 6))  # which keeps the mean
    each = {f"{kind}_{s}" for kind in NAMES for s in range(1, 6)}
    assert set(found) == each | {"clean", "mean", "samples"}
    assert found["mean"] == pytest.approx(np.mean([found[name] for name in each]))


def test_no_more_samples_than_the_bound(monkeypatch, subject):
    monkeypatch.setattr(protocols, "DAMAGED", 20)
    monkeypatch.setattr(protocols, "ASKED", 25)
    given = subject()
    assert figures("corruptions", given)["samples"] == 20
    assert figures("retrieval", given)["samples"] == 25
    rows = given.some(given.table.test_rows(), 25)
    assert len(set(rows.tolist())) == 25
    assert set(rows.tolist()) <= set(given.table.test_rows().tolist())


def test_one_and_ten_per_cent_of_the_labels(subject):
    found = figures("low_shot", subject(spread=0.05))
    assert found == {
        f"{name}_{share}_percent": value
        for share in (1, 10)
        for name, value in (("labels", 3), ("accuracy", 1.0), ("deviation", 0.0))
    }


@pytest.mark.parametrize(("name", "how"), [("fine_tuning", "full"), ("freezing", "frozen"), ("lora", "lora")])
def test_tuning_sees_the_labels_of_training_and_is_measured_on_the_test_samples(
    monkeypatch, name, how, subject
):
    given, seen = subject(), {}

    def fine_tune(encoder, images, labels, classes, **options):
        seen.update(options, images=images, labels=labels, classes=classes, encoder=encoder)
        return Bright()

    monkeypatch.setattr(protocols, "fine_tune", fine_tune)
    found = figures(name, given)
    assert (seen["how"], seen["classes"], seen["encoder"]) == (how, 3, given.encoder()[0])
    images, labels = given.views(given.table.labelled_rows())
    assert torch.equal(seen["images"], images)
    assert torch.equal(seen["labels"], labels)
    shown, truth = given.views(given.table.test_rows())
    right = float((Bright()(shown).argmax(1) == truth).float().mean())
    assert found == {"accuracy": pytest.approx(right), "labels": LABELLED}


def test_scenes_to_learn_from_hold_training_pictures_only(monkeypatch, subject):
    given, composed = subject(), []

    def compose(images, labels, count, **how):
        composed.append((images, labels))
        return told(images, labels, count, **how)

    told = dense.compose
    monkeypatch.setattr(dense, "compose", compose)
    monkeypatch.setattr(dense, "TAUGHT", 20)
    monkeypatch.setattr(dense, "SHOWN", 10)
    for name in ("fit_segmenter", "fit_detector"):
        monkeypatch.setattr(dense, name, partial(getattr(dense, name), steps=60))
    found = figures("segmentation", given)
    assert figures("detection", given)["average_precision"] > 0.05
    (train, known), (test, truth) = composed[:2]
    for (images, labels), rows in (
        ((train, known), given.table.labelled_rows()),
        ((test, truth), given.table.test_rows()),
    ):
        expected = given.views(rows)
        assert torch.equal(images, expected[0])
        assert torch.equal(labels, expected[1])
    assert found["scenes"] == 10
    assert found["mean_iou"] > found["nothing"] + 0.05  # after 60 steps


def test_what_cannot_be_followed_is_left_out_with_the_reason(subject, tmp_path):
    flat = build_encoder(VitConfig(patch=4, width=8, depth=1, heads=2), image_packing(1, [0.4], [0.2]))
    said = []
    found = follow(["detection", "retrieval", "retrieval"], subject(encoder=flat), said.append)
    assert list(found.figures) == ["retrieval"]
    assert "an encoder with maps (resnet)" in found.left_out["detection"]
    assert said == [f"protocol detection left out: {found.left_out['detection']}"]
    dark = subject()
    samples = packed(np.load(dark.samples.files["images"]) // 8, tmp_path)
    black = Subject(dark.table, 3, dark.features, samples, dark.encoder, dark.model, CPU)
    assert "brighter than 0.2" in follow(["segmentation"], black, said.append).left_out["segmentation"]


def test_an_unknown_name_is_refused_with_the_nearest():
    assert Request(**ABOVE).protocols is None
    assert Request(**ABOVE, protocols=[]).protocols == ()
    assert set(cheap("image")) < set(PROTOCOLS)
    assert set(cheap("image")) - set(cheap("text")) == {"corruptions"}
    with pytest.raises(ValueError, match="unknown protocol 'retreival'; did you mean 'retrieval'") as caught:
        Request(**ABOVE, protocols=["retreival"])
    assert "protocols.0" in explain(caught.value, "recipe")
