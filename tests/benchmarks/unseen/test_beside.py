"""What stands beside the product, on images whose classes are plain to see."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.unseen import beside as module
from benchmarks.unseen.beside import Data, Scratch, Steps, on_pixels, on_published
from components.data.packed import PackedArray
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from components.modalities.image.policies import views
from components.modalities.image.views import ImageViews
from components.training.device import place
from components.training.finetune import Material
from pipelines.stages.finetune.config import FinetuneConfig


@pytest.fixture
def data():
    """Horizontal stripes are class 0, vertical ones class 1; rows of training and test alternate in no order."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 120)
    images = rng.integers(0, 60, (120, 1, 16, 16), dtype=np.uint8)
    for row, label in enumerate(truth):
        stripes = 150 * (np.arange(16) % 4 < 2).astype(np.uint8)
        images[row, 0] += stripes[None] if label else stripes[:, None]
    rows = rng.permutation(120)
    train, tests = np.sort(rows[:80]), rows[80:]  # tests in the order of the predictions, not of the rows
    labelled = np.sort(np.concatenate([train[truth[train] == c][:6] for c in (0, 1)]))
    return Data(images, train, labelled, truth[labelled], tests, ["horizontal", "vertical"]), truth[tests]


def test_pixels_give_both_baselines_in_the_order_of_the_tests(data):
    given, truth = data
    found = on_pixels(given)
    assert list(found) == ["logistic", "knn"]
    assert all((predicted == truth).all() for predicted in found.values())


def test_a_published_encoder_is_read_by_a_probe(data, monkeypatch, tmp_path):
    given, truth = data

    class Slopes:
        def features(self, images):
            x = images[:, 0].astype(np.float32)
            return np.stack([np.abs(np.diff(x, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)], axis=1)

    asked = {}
    monkeypatch.setattr(module, "published", lambda name, **how: (asked.update(how, name=name), Slopes())[1])
    assert (on_published(given, tmp_path)["published"] == truth).all()
    assert asked["name"] == "efficientnet_lite0"
    assert (asked["packages"], asked["least"]) == (tmp_path, 96)


def scratch(given, folder, **changes):
    chosen = views("upright", 16, 1)
    packing = image_packing(1, [0.4], [0.3], 16)
    empty = np.array([], dtype=np.int64)
    material = Material(
        packed=PackedArray(given.images, given.train), views=ImageViews(packing), classes=2,
        labelled=np.searchsorted(given.train, given.labelled), labels=given.labels, kept=empty, kept_labels=empty,
        confidence=np.array([]), weak=chosen.weak, strong=chosen.strong, placement=place("cpu"), folder=folder,
    )  # fmt: skip
    network = SimpleNamespace(encoder_config=ResnetConfig(widths=(8,), blocks=(1,)), packing=packing)
    request = FinetuneConfig(batch_size=8, ratio=2, **changes)
    return Scratch(request, network, material, given.tests)


def test_networks_from_scratch_learn_from_the_labels_and_answer_in_the_order_of_the_tests(data, tmp_path):
    given, truth = data
    found = scratch(given, tmp_path).predicted(Steps(supervised=60, fixmatch=30), " photo")
    assert list(found) == ["supervised photo", "fixmatch photo"]
    assert all((predicted == truth).mean() > 0.9 for predicted in found.values())


def test_the_rate_is_that_which_does_better_on_held_out_labels(data, tmp_path, monkeypatch):
    given, _ = data
    of_two = scratch(given, tmp_path)
    asked = []

    def answers(self, name, method, steps, rate, use, out):
        asked.append((rate, len(use), len(out)))
        assert not set(use) & set(out)
        right = np.eye(2)[given.labels[out]]
        return right if rate == 0.004 else 1 - right

    monkeypatch.setattr(Scratch, "answers", answers)
    assert of_two.rate(module.SupervisedConfig(), 5) == 0.004
    assert asked == [(rate, 8, 4) for rate in (0.001,) * 3 + (0.004,) * 3]
    one_a_class = Data(
        given.images, given.train, given.labelled[:0], given.labels[:0], given.tests, given.classes
    )
    assert scratch(one_a_class, tmp_path).rate(module.SupervisedConfig(), 5) == 0.004  # nothing to hold out
