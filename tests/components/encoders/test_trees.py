"""Boosted trees as tensors give scikit-learn's scores, and load without it."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from components.encoders.trees import Trees, trees_of
from components.errors import UserError
from components.registry import onnx
from tests.components.modalities.table.toys import column, mixed, pack

ROUNDS = {"max_iter": 15, "min_samples_leaf": 3}


@pytest.fixture(scope="module")
def data():
    rows, packing, _ = pack(mixed(400))
    colour, size = column(packing, "colour"), column(packing, "size")
    target = (rows[:, colour] % 3 + (rows[:, size] > 0) + np.isnan(rows[:, column(packing, "gaps")])).astype(
        int
    )
    return rows, packing, target


def strange(rows, packing):
    """Rows with more gaps, unknown categories and values far away."""
    random = np.random.default_rng(1)
    out = np.where(random.random(rows.shape) < 0.2, np.nan, rows)
    out[::3, column(packing, "colour")] = 60
    out[1::3, column(packing, "colour")] = -5
    out[::5, column(packing, "size")] = 1e20
    return out.astype(np.float32)


@pytest.mark.parametrize("categories", [True, False])
@pytest.mark.parametrize("classes", [2, 4])
def test_scores_are_those_of_scikit_learn(data, categories, classes):
    rows, packing, target = data
    places = packing.categorical if categories else None
    peer = HistGradientBoostingClassifier(categorical_features=places, **ROUNDS)
    peer.fit(rows[:300], np.minimum(target, classes - 1)[:300])
    encoder = trees_of(peer, packing)
    assert encoder.config.scores == (1 if classes == 2 else classes)
    assert (encoder.config.splits > 0) is categories
    for x in (rows, strange(rows, packing)):
        wanted = peer.decision_function(x).reshape(len(x), -1)
        assert np.abs(encoder(torch.from_numpy(x)).numpy() - wanted).max() < 1e-6


def test_a_mask_of_categories_is_the_same(data):
    rows, packing, target = data
    marks = np.isin(np.arange(len(packing.features)), packing.categorical)
    peer = HistGradientBoostingClassifier(categorical_features=marks, **ROUNDS).fit(rows, target)
    x = strange(rows, packing)
    assert (
        np.abs(trees_of(peer, packing)(torch.from_numpy(x)).numpy() - peer.decision_function(x)).max() < 1e-6
    )


def test_a_regression(data):
    rows, packing, target = data
    peer = HistGradientBoostingRegressor(categorical_features=packing.categorical, **ROUNDS).fit(rows, target)
    found = trees_of(peer, packing)(torch.from_numpy(rows)).numpy()[:, 0]
    assert np.abs(found - peer.predict(rows)).max() < 1e-6


def test_it_loads_from_its_configuration_and_state(data):
    rows, packing, target = data
    peer = HistGradientBoostingClassifier(categorical_features=packing.categorical, **ROUNDS).fit(
        rows, target
    )
    encoder = trees_of(peer, packing)
    again = Trees(encoder.config, packing)
    again.load_state_dict(load(save(encoder.state_dict())))
    x = torch.from_numpy(strange(rows, packing))
    assert torch.equal(again(x), encoder(x))
    assert not list(encoder.parameters())


def test_onnxruntime_gives_the_same_scores(data, tmp_path):
    rows, packing, target = data
    peer = HistGradientBoostingClassifier(categorical_features=packing.categorical, **ROUNDS).fit(
        rows, target
    )
    x = torch.from_numpy(strange(rows, packing))
    assert onnx.export_encoder(trees_of(peer, packing), x, tmp_path / "e.onnx") <= 1e-5


def test_one_leaf_is_a_constant(data):
    rows, packing, target = data
    peer = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=1000).fit(rows, target)
    found = trees_of(peer, packing)(torch.from_numpy(rows)).numpy()
    assert np.abs(found - peer.decision_function(rows)).max() < 1e-6


def test_another_number_of_features(data):
    rows, packing, target = data
    peer = HistGradientBoostingClassifier(**ROUNDS).fit(rows[:, :3], target)
    with pytest.raises(
        UserError, match=f"a boosting of {len(packing.features)} features is required, got one of 3"
    ):
        trees_of(peer, packing)
