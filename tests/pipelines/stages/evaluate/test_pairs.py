"""The protocols of pairs: on towers that see what was planted, on test pairs alone."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from components.data.table import Table
from components.encoders import build_encoder
from components.evaluation.representation.pairs import both_ways, by_ridge
from components.modalities.pair.container import join
from components.modalities.pair.views import seen_pair
from components.training.device import Placement
from pipelines.stages.evaluate.pairs import pair_retrieval, prompted
from pipelines.stages.evaluate.protocols import cheap, follow
from pipelines.stages.evaluate.subject import Subject
from tests.components.modalities.cases import CASES, made, png
from tests.components.objectives.pairs import TOWERS

CPU = Placement(torch.device("cpu"), torch.float32)
NAMES, TRAIN, TEST = ("cat", "dog", "ship"), 20, 12


@pytest.fixture
def subject(tmp_path):
    """Pairs whose caption is a class and a number; a third of those for training have a label."""
    words = [f"a {NAMES[k % 3]} number {k % 4}" for k in range(TRAIN + TEST)]
    given = [join(png(k), text.encode()) for k, text in enumerate(words)]
    samples = made("pair", tmp_path, samples=given).samples
    truth = np.arange(TRAIN + TEST) % 3
    split = np.where(np.arange(len(truth)) < TRAIN, "train", "test")
    label = np.where((split == "train") & (np.arange(len(truth)) > 9), -1, truth)
    table = Table(np.array([f"{k:064x}" for k in range(len(truth))]), np.full(len(truth), "s"), split, label)
    torch.manual_seed(0)
    towers = build_encoder(TOWERS, samples.packing).eval()
    features = np.zeros((len(truth), 8), np.float32)
    return Subject(table, 3, features, samples, lambda: (towers, None), SimpleNamespace(), CPU, names=NAMES)


def test_retrieval_is_among_the_test_pairs_and_its_baselines_learn_from_training_pairs(subject):
    towers, test, train = subject.encoder()[0], np.arange(TRAIN, TRAIN + TEST), np.arange(TRAIN)
    with torch.inference_mode():
        view = subject.samples.clean(test)
        image, text = (side.numpy() for side in towers.embed(view))
        seen = [seen_pair(subject.samples.clean(rows), subject.samples.packing) for rows in (train, test)]
        features = [(towers.image(one.image).numpy(), towers.text(one.text).numpy()) for one in seen]
    found = pair_retrieval(subject)
    assert found["samples"] == TEST
    for name, value in both_ways(image, text).items():
        assert found[name] == pytest.approx(value), name
    for name, value in by_ridge(features[0], features[1]).items():
        assert found[f"ridge_{name}"] == pytest.approx(value), name
    assert {name for name in found if name.startswith("plain_")} == {
        name.replace("ridge_", "plain_") for name in found if name.startswith("ridge_")
    }


class Told(nn.Module):
    """Features of an image: its class, planted in the pixels' order of rows."""

    feature_dim = 3

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def forward(self, images):
        return torch.eye(3)[self.classes[: len(images)]]


class Named(nn.Module):
    """Features of a text: which of the three names is in it."""

    feature_dim = 3

    def __init__(self, vocabulary):
        super().__init__()
        self.tokens = [vocabulary.index(f"▁{name}") for name in NAMES]

    def forward(self, texts):
        return torch.stack([(texts == token).any(dim=1) for token in self.tokens], dim=1).float()


def test_zero_shot_is_right_where_images_meet_the_names_of_their_classes(subject):
    towers, packing = subject.encoder()[0], subject.samples.packing
    labels = torch.from_numpy(subject.labels(np.arange(TRAIN, TRAIN + TEST)))
    wrong = labels.clone()
    wrong[:3] = (wrong[:3] + 1) % 3
    towers.image, towers.text = Told(wrong), Named(list(packing.text.vocabulary))
    towers.image_projection = towers.text_projection = nn.Identity()
    towers.pair = packing.model_copy(update={"prompts": ("a {}", "{} number 1")})
    found = prompted(subject)
    assert found["accuracy"] == pytest.approx(9 / 12)
    assert found["accuracy_low"] < 9 / 12 < found["accuracy_high"]
    assert found["most_frequent"] == pytest.approx(4 / 12)


def test_pairs_are_asked_both_and_other_encoders_are_left_out_with_the_reason(subject):
    assert cheap("pair") == ("retrieval", "clustering", "pair_retrieval", "zero_shot")
    assert "pair_retrieval" not in cheap("image")
    plain = build_encoder(TOWERS.image, subject.samples.packing.image)
    other = Subject(**(vars(subject) | {"encoder": partial(lambda: (plain, None))}))
    found = follow(["pair_retrieval", "zero_shot"], other, print)
    assert found.figures == {}
    assert all("two_towers" in why and "Resnet" in why for why in found.left_out.values())
    assert CASES["pair"].config.prompts == ("{}",)
