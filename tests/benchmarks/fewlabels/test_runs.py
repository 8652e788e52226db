import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from benchmarks.fewlabels import runs
from benchmarks.fewlabels.sets import Data, draw
from benchmarks.fewlabels.signals import SignalView
from benchmarks.fewlabels.verdict import unpack
from components.encoders.resnet import ResnetConfig
from components.modalities.image.augment import ViewConfig
from components.semisupervised import METHODS
from components.training.labelled_source import LabelledSource


def data(kind="images"):
    """Two classes told apart by their brightness."""
    rng, labels = np.random.default_rng(0), np.arange(120) % 2
    shape = (120, 1, 8, 8) if kind == "images" else (120, 1, 1, 16)
    images = (rng.integers(0, 60, shape) + 150 * labels.reshape(-1, 1, 1, 1)).astype(np.uint8)
    look = (
        ViewConfig(size=8, scale=(0.9, 1.0), jitter=0, flip=0)
        if kind == "images"
        else SignalView(shift=0.5, noise=0.01)
    )
    small = ResnetConfig(widths=(8,), blocks=(1,))
    return Data(images, labels, np.arange(80), np.arange(80, 120), look, look, look, small)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_configuration_here(name):
    assert runs.method_of(name, data()).name == name


def test_settings_of_a_method_can_be_given_beside_its_name():
    assert runs.method_of("temporal:weight=3,momentum=0.9", data()).weight == 3
    assert runs.method_of("temporal:weight=3,momentum=0.9", data()).momentum == 0.9
    assert runs.method_of("fixmatch", data()).threshold == 0.8
    assert runs.method_of("m2", data()).side == 8


@pytest.mark.parametrize("kind", ["images", "signals"])
@pytest.mark.parametrize("start", ["scratch", "pretrained"])
def test_a_training_learns_what_is_easy_and_reports_right_answers_of_test_items_alone(kind, start, tmp_path):
    found = data(kind)
    encoder = found.fresh(0)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    row = runs.measure(found, "fixmatch", draw(found, "4", 0), encoder, start, 20, 0, tmp_path)
    assert len(unpack(row["right"])) == 40
    assert unpack(row["right"]).mean() > 0.9
    assert 0.5 < row["last"] <= row["best"] <= 1
    assert all((before[name] == value).all() for name, value in encoder.state_dict().items())


def test_a_source_knows_the_drawn_labels_and_no_others():
    found = data()
    use = draw(found, "10", 0)
    method = runs.build_method(runs.method_of("uda", found), found.fresh(0), 2, 80, None)
    source = runs.batches(found, method, use, 3, 0)
    assert type(source) is LabelledSource
    known = source.supervision
    assert np.flatnonzero(known.targets.numpy() >= 0).tolist() == use.tolist()
    assert known.targets[use].tolist() == found.labels[use].tolist()
    assert source.sizes == (runs.BATCH, 4 * runs.BATCH)
    alone = runs.build_method(runs.method_of("supervised", found), found.fresh(0), 2, 80, None)
    assert runs.batches(found, alone, use, 3, 0).sizes == (runs.BATCH, 0)


def test_the_head_says_what_the_regression_on_standardised_features_says():
    rng = np.random.default_rng(0)
    x, y = rng.normal(3, 5, (60, 4)).astype(np.float32), np.arange(60) % 3
    x[:, 0] += 10 * y
    weight, bias = runs.head(x, y)
    scaled = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-3)
    expected = LogisticRegression(max_iter=1000).fit(scaled, y).decision_function(scaled)
    np.testing.assert_allclose(x @ weight.T + bias, expected, atol=1e-4)
