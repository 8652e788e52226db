"""A served model of anomalies: saved without pickle, the same when loaded, and what its columns mean."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from components.encoders import build_encoder
from components.encoders.raw_rows import RawRows, RawRowsConfig
from components.encoders.table_mlp import TableMlpConfig
from components.errors import UserError
from components.evaluation.anomaly.scorer import fit_scorer
from components.registry import anomaly_model
from components.registry.anomaly_model import LEARNT, PLAIN, AnomalyDescription, AnomalyModel
from components.registry.predictor import Predictor
from components.registry.served import digests, load_model, save_model
from tests.components.modalities.table.toys import mixed, pack

ENCODER = TableMlpConfig(width=8, bins=4)


def build(threshold=0.9, learnt=True, plain=True, labelled=4):
    """(model, packed rows, scorer)"""
    packed, packing, _ = pack(mixed(120))
    torch.manual_seed(0)
    encoder, rows = build_encoder(ENCODER, packing).eval(), RawRows(RawRowsConfig(), packing)
    view = torch.from_numpy(packed)
    with torch.no_grad():
        every = {PLAIN: rows(view), LEARNT: encoder(view)}
    given = {kind: x.double().numpy() for kind, x in every.items() if (plain if kind == PLAIN else learnt)}
    scorer = fit_scorer(given, np.arange(120) < labelled)
    model = AnomalyModel(
        AnomalyDescription(
            encoder=ENCODER, packing=packing, plain=RawRowsConfig() if plain else None, learnt=learnt,
            arrays=anomaly_model.described(scorer), detectors=tuple(scorer.names), threshold=threshold,
            false_alarms=0.1,
        )
    )  # fmt: skip
    model.encoder.load_state_dict(encoder.state_dict())
    anomaly_model.fill(model, scorer)
    return model.eval(), view, (scorer, given)


@pytest.fixture(scope="module")
def made():
    return build()


def test_what_is_saved_is_loaded(made, tmp_path):
    model, view, (scorer, given) = made
    weights, text = save_model(model, tmp_path)
    again = load_model(tmp_path, digests(tmp_path))
    with torch.inference_mode():
        one, two = model.see(view), again.see(view)
    for name, found in one.items():
        assert torch.equal(found, two[name]), name
    np.testing.assert_allclose(one["score"].numpy(), scorer.scored(given).score, atol=1e-12)
    assert json.loads(text.read_text())["task"] == "anomaly"
    assert {"mean", "head/weight", "columns/ecod/ordered"} <= load_file(weights).keys()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_other_weights_are_refused(made, tmp_path):
    model, _, _ = made
    weights, _ = save_model(model, tmp_path)
    tensors = load_file(weights)
    del tensors["columns/ecod/ordered"]
    save_file(tensors, weights)
    with pytest.raises(UserError, match=r"the network of model\.json needed, got other weights"):
        load_model(tmp_path)


def test_a_request_of_raw_rows():
    model, _, _ = build(learnt=False, labelled=0)
    rows = [{**row, "size": size} for row, size in zip(mixed(3), ("0.1", "900", "not a number"), strict=True)]
    found = Predictor(model).predict([*rows, {"colour": "red"}])
    assert list(found) == ["anomaly_score", "is_anomaly", "detector", "columns", "embedding", "error"]
    assert found["anomaly_score"][1] > found["anomaly_score"][0]
    assert "size" in found["columns"][1]
    assert found["is_anomaly"].tolist()[1] == (found["anomaly_score"][1] > 0.9)
    assert len(found["embedding"][0]) == model.encoder.embedding_dim
    assert found["error"].isna().tolist() == [True, True, True, False]
    assert found["anomaly_score"].isna().tolist() == [False, False, False, True]


def test_tails_by_a_slow_loop(made):
    model, view, (scorer, given) = made
    with torch.inference_mode():
        tails = model.see(view[:6])["tails"].numpy()
    detectors = scorer.detectors[PLAIN]
    ordered, points = detectors.fitted["ecod"].ordered, detectors.standardised(given[PLAIN])
    columns = list(dict.fromkeys(model.plain.columns))
    assert columns == model.named
    for row in range(6):
        for place, column in enumerate(columns):
            wanted = 0.0
            for feature, name in enumerate(model.plain.columns):
                if name == column:
                    with_it = np.append(ordered[:, feature], points[row, feature])
                    left = np.mean(with_it <= points[row, feature])
                    right = np.mean(with_it >= points[row, feature])
                    wanted = max(wanted, -np.log(min(left, right)))
            assert tails[row, place] == pytest.approx(wanted)


def test_which_columns_are_named(made):
    model, _, _ = made
    tails = np.zeros((3, len(model.named)))
    tails[0, 2], tails[0, 0] = 5, 4
    tails[1] = 3.5
    tails[2, 1] = -math.log(0.06)  # not rare enough
    names = model.named
    assert model.why(tails) == [[names[2], names[0]], names[:3], []]


def test_the_detector_is_the_one_with_the_highest_rank(made):
    model, view, (scorer, given) = made
    with torch.inference_mode():
        found = {name: tensor.numpy() for name, tensor in model.see(view[:8]).items()}
    ranks = scorer.scored({kind: x[:8] for kind, x in given.items()}).ranks
    wanted = [max(ranks, key=lambda name, row=row: ranks[name][row]) for row in range(8)]
    assert model.columns(found)["detector"] == wanted


def test_without_a_threshold_nobody_is_reported():
    model, view, _ = build(threshold=None, learnt=False, labelled=0)
    with torch.inference_mode():
        found = {name: tensor.numpy() for name, tensor in model.see(view[:4]).items()}
    assert model.columns(found)["is_anomaly"] == [None] * 4
    assert found["ranks"].shape == (4, 5)
    assert found["features"].shape == (4, model.encoder.embedding_dim)


def test_disagreement(made):
    model, _, _ = made
    assert model.disagreement({"anomaly_score": [0.5, 0.7]}, {"anomaly_score": [0.5, 0.6]}) == pytest.approx(
        0.1
    )
    assert model.disagreement({"anomaly_score": [None]}, {"anomaly_score": [0.5]}) == math.inf
    assert model.disagreement({"anomaly_score": [0.5]}, {"anomaly_score": [0.5, 0.5]}) == math.inf
