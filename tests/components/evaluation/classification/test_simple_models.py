"""Boosting and nearest neighbours as networks: what is judged is what is served, and what the libraries give."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from sklearn.ensemble import HistGradientBoostingClassifier

from components.data.packed import PackedArray
from components.encoders import build_encoder
from components.encoders.baseline import baseline_encoder, baseline_features
from components.encoders.tfidf import Tfidf, TfidfConfig
from components.evaluation.classification.baselines import knn_on_pixels, logistic_on_pixels
from components.evaluation.classification.simple_models import SIMPLE, on_plain_features, shown_by
from components.modalities.pair.views import seen_pair
from components.modalities.table import baseline
from components.modalities.table.views import TableViews
from components.modalities.view_maker import ViewMaker
from components.modalities.views import VIEW_MAKERS
from tests.components.modalities.cases import CASES as KINDS
from tests.components.modalities.cases import made as modality
from tests.components.modalities.table.toys import column, mixed, pack


@pytest.fixture(autouse=True)
def _fewer_boostings(monkeypatch):
    monkeypatch.setattr(baseline, "BOOSTINGS", baseline.BOOSTINGS[:1])
    monkeypatch.setattr(baseline, "ROUNDS", (10, 40))


@pytest.fixture(scope="module")
def data():
    """(the labelled 100, the other 200, labels of all): three classes by a number and a category."""
    rows, packing, _ = pack(mixed(300))
    maker = TableViews(packing)
    size, colour = rows[:, column(packing, "size")], rows[:, column(packing, "colour")]
    labels = (size > 0).astype(np.int64) + (colour == colour.max())
    plain = baseline_encoder(PackedArray(rows, np.arange(300)), maker)
    own, asked = (
        shown_by(plain, PackedArray(rows, at), maker) for at in (np.arange(100), np.arange(100, 300))
    )
    return own, asked, labels, rows


def test_every_kind_of_data_names_models_that_there_are():
    assert ViewMaker.simple == ("knn",)
    for name in VIEW_MAKERS:
        assert set(VIEW_MAKERS[name].simple) <= set(SIMPLE)
        assert set(VIEW_MAKERS[name].pooled) <= set(VIEW_MAKERS[name].simple)
    assert "boosting" in TableViews.simple
    assert "boosting" not in VIEW_MAKERS["image"].simple
    assert {kind for kind in VIEW_MAKERS if "caption" in VIEW_MAKERS[kind].simple} == {"pair"}


@pytest.mark.parametrize("classes", [2, 3])
def test_boosting_is_scikit_learns(data, classes):
    own, asked, labels, rows = data
    y = np.minimum(labels, classes - 1)[:100]
    made = SIMPLE["boosting"](own, y, classes, 0)
    fitted = baseline.fit_boosting(rows[:100], y, classes, own.maker.packing)
    assert isinstance(fitted.estimator, HistGradientBoostingClassifier)
    p = torch.from_numpy(made.logits(asked)).softmax(1).numpy()
    np.testing.assert_allclose(p, fitted.estimator.predict_proba(rows[100:]), atol=1e-6)


def test_boosting_never_predicts_a_class_without_a_label(data):
    own, asked, labels, _ = data
    for present in ([0, 3], [0, 2, 3]):  # one score for two classes, one each for three
        y = np.array(present)[labels[:100] % len(present)]
        logits = SIMPLE["boosting"](own, y, 5, 0).logits(asked)
        p = torch.from_numpy(logits).softmax(1).numpy()
        assert p[:, np.setdiff1d(np.arange(5), present)].max() < 1e-6
        assert set(logits.argmax(1)) == set(present)


def test_neighbours_are_those_of_the_baseline(data):
    own, asked, labels, _ = data
    logits = SIMPLE["knn"](own, labels[:100], 3, 0).logits(asked)
    votes = knn_on_pixels(own.features, labels[:100], asked.features, 3)
    k = SIMPLE["knn"](own, labels[:100], 3, 0).config.k
    np.testing.assert_allclose(np.exp(logits), (k * votes + 1) / (k + 3), atol=1e-5)


@pytest.mark.parametrize("name", TableViews.simple)
def test_the_network_gives_what_it_was_judged_by_and_loads_without_a_library(data, name):
    own, asked, labels, rows = data
    made = SIMPLE[name](own.take(np.arange(0, 100, 2)), labels[:100:2], 3, 0)
    encoder = build_encoder(made.config, own.maker.packing).eval()
    encoder.load_state_dict(load(save(made.encoder.state_dict())))
    with torch.inference_mode():
        found = made.head(encoder(own.maker.clean(torch.from_numpy(rows[100:])))).numpy()
    np.testing.assert_allclose(found, made.logits(asked), atol=1e-5)
    assert (found.argmax(1) == labels[100:]).mean() > 0.6


def test_the_captions_model_is_a_regression_on_tfidf_of_the_captions_alone(tmp_path):
    made_ = modality("pair", tmp_path)
    samples, labels = made_.samples, np.arange(12) % 3
    plain = baseline_encoder(samples.open(), samples.views)
    own, asked = (
        shown_by(plain, samples.open(at), samples.views) for at in (np.arange(12), np.arange(12, 24))
    )
    found = SIMPLE["caption"](own, labels, 3, 0).logits(asked)
    packing = samples.packing
    views = [seen_pair(samples.clean(at), packing).text for at in (np.arange(12), np.arange(12, 24))]
    tfidf = Tfidf(TfidfConfig(), packing.text)
    tfidf.fit([views[0]])
    expected = logistic_on_pixels(tfidf(views[0]).numpy(), labels, tfidf(views[1]).numpy(), 3)[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_baselines_of_every_kind_of_data_are_networks(kind, tmp_path):
    """As they are judged, on its plain features, so are they served, on its views."""
    samples = modality(kind, tmp_path).samples
    packed, maker, labels = samples.open(), samples.views, np.arange(12) % 2
    plain = baseline_encoder(packed, maker)
    own, asked = (shown_by(plain, samples.open(at), maker) for at in (np.arange(12), np.arange(12, 24)))
    for name in maker.simple:
        made = SIMPLE[name](own, labels, 2, 0)
        encoder = build_encoder(made.config, maker.packing).eval()
        encoder.load_state_dict(load(save(made.encoder.state_dict())))
        with torch.inference_mode():
            found = made.head(encoder(samples.clean(np.arange(12, 24)))).numpy()
        np.testing.assert_allclose(found, made.logits(asked), atol=1e-5)


@pytest.mark.parametrize("name", TableViews.simple)
def test_the_same_labels_give_the_same_bytes(data, name):
    own, _, labels, _ = data
    one, two = (save(SIMPLE[name](own, labels[:100], 3, 4).encoder.state_dict()) for _ in range(2))
    assert one == two


def test_every_baseline_of_the_kind_at_once_with_the_regression_that_gave_the_answers(data):
    own, asked, labels, _ = data
    answers, probe = on_plain_features(own, labels[:100], asked, 3, seed=4)
    assert list(answers) == ["logistic_plain", "boosting_plain", "knn_plain"]
    expected = logistic_on_pixels(own.features, labels[:100], asked.features, 3, seed=4)[0]
    np.testing.assert_array_equal(answers["logistic_plain"], expected)
    np.testing.assert_array_equal(probe.logits(asked.features), expected)
    for name in TableViews.simple:
        expected = SIMPLE[name](own, labels[:100], 3, 4).logits(asked)
        np.testing.assert_array_equal(answers[f"{name}_plain"], expected)


def test_some_of_the_samples(data):
    own, *_ = data
    some = own.take(np.array([7, 3]))
    assert len(some.features) == len(some.clean()) == 2
    np.testing.assert_array_equal(
        some.features, baseline_features(own.plain, own.packed, own.maker, np.array([7, 3]))
    )
    np.testing.assert_array_equal(some.clean(), own.clean()[[7, 3]])
