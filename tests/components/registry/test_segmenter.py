"""A served segmentation: saved without pickle, the same when loaded, and what its columns mean."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from components.data.masks import from_text
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from components.registry.predictor import Predictor
from components.registry.segmenter import Segmenter, SegmenterConfig
from components.registry.served import digests, load_model, save_model

SIDE = 12


def build(side=SIDE, temperature=2.0):
    torch.manual_seed(0)
    config = SegmenterConfig(
        encoder=ResnetConfig(widths=(4, 8), blocks=(1, 1)), packing=image_packing(1, [0.5], [0.2], side),
        classes=("ground", "a", "b"), width=8, temperature=temperature,
    )  # fmt: skip
    return Segmenter(config).eval(), torch.rand(3, 1, side, side)


@pytest.fixture(scope="module")
def made():
    return build()


def test_what_is_saved_is_loaded(made, tmp_path):
    model, view = made
    weights, text = save_model(model, tmp_path)
    again = load_model(tmp_path, digests(tmp_path))
    with torch.inference_mode():
        one, two = model.see(view), again.see(view)
    for name, found in one.items():
        assert torch.equal(found, two[name]), name
    assert json.loads(text.read_text())["task"] == "segmentation"
    assert {name.split(".")[0] for name in load_file(weights)} == {"encoder", "head"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_columns_by_a_slow_loop(made):
    model, view = made
    with torch.inference_mode():
        p = model(view).numpy()
        seen = {name: tensor.numpy() for name, tensor in model.see(view).items()}
        features = model.encoder(view).numpy()
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    columns = model.columns(seen)
    assert set(columns) == set(model.outputs)
    for k in range(3):
        mask = from_text(columns["mask"][k])
        shares, total = [0.0, 0.0, 0.0], 0.0
        for row in range(SIDE):
            for column in range(SIDE):
                best = int(np.argmax(p[k, :, row, column]))
                assert mask[row, column] == best
                shares[best] += 1 / SIDE**2
                total += p[k, best, row, column] / SIDE**2
        assert columns["shares"][k] == pytest.approx(shares, abs=1e-6)
        assert columns["confidence"][k] == pytest.approx(total, abs=1e-6)
        assert columns["embedding"][k] == pytest.approx(features[k].tolist(), abs=1e-5)


def test_the_temperature_flattens_probabilities(made):
    model, view = made
    sharp, _ = build(temperature=1.0)
    with torch.inference_mode():
        one, two = model(view).log(), sharp(view).log()
    ratio = (one[:, 1] - one[:, 0]) / (two[:, 1] - two[:, 0])
    assert torch.allclose(ratio, torch.full_like(ratio, 0.5), atol=1e-3)


def test_sides_that_cannot_be_halved():
    model, view = build(side=13)
    with torch.inference_mode():
        seen = model.see(view)
        assert torch.equal(seen["features"], model.encoder(view))
    assert seen["mask"].shape == (3, 13, 13)


def test_a_request_of_images(made):
    model, _ = made
    image = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    found = Predictor(model).predict([image, "no image"])
    assert list(found) == ["mask", "confidence", "shares", "embedding", "error"]
    assert from_text(found["mask"][0]).shape == (SIDE, SIDE)
    assert found["mask"][1] is None
    assert found["error"].isna().tolist() == [True, False]


def test_disagreement(made):
    model, _ = made
    one = {"mask": ["100x100 0*9995 1*5"], "confidence": [0.5]}
    few = {"mask": ["100x100 0*9990 1*10"], "confidence": [0.5 + 1e-6]}
    assert model.disagreement(one, few) == pytest.approx(1e-6)
    many = {"mask": ["100x100 0*9980 1*20"], "confidence": [0.5]}
    assert model.disagreement(one, many) == math.inf
    assert model.disagreement(one, {"mask": ["50x200 0*9995 1*5"], "confidence": [0.5]}) == math.inf
    assert model.disagreement({"mask": [None], "confidence": [None]}, one) == math.inf
    assert model.disagreement({"mask": [], "confidence": []}, one) == math.inf
