"""Nearest neighbours as tensors give the votes that they are told to give, and load as any network."""

import math

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import load, save
from sklearn.neighbors import KNeighborsClassifier

from components.encoders import EncoderConfig, NeighboursConfig, build_encoder
from components.encoders.neighbours import weighted_votes
from components.encoders.pixels import PixelsConfig
from components.modalities.image.config import image_packing
from components.registry import onnx

PACKING = image_packing(1, size=4)


def made(k=5, samples=30, classes=3):
    config = NeighboursConfig(plain=PixelsConfig(side=4), samples=samples, classes=classes, k=k)
    encoder = build_encoder(config, PACKING)
    g = torch.Generator().manual_seed(0)
    bank, known = torch.rand(samples, 16, generator=g), torch.arange(samples) % classes
    encoder.remember(bank, known)
    return encoder.eval(), bank, known


def views(count=8):
    return torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(1))


def test_a_vote_counts_by_its_cosine():
    # e^(.9 / .1) against e^(.8 / .1): shares e / (1 + e) and 1 / (1 + e)
    found = weighted_votes(torch.tensor([[0.9, 0.8]]), torch.tensor([[2, 0]]), 3)
    assert found[0].tolist() == pytest.approx([1 / (1 + math.e), 0, math.e / (1 + math.e)])


@pytest.mark.parametrize("k", [1, 5, 40])
def test_votes_are_those_of_scikit_learn_smoothed(k):
    encoder, bank, known = made(k)
    peer = KNeighborsClassifier(
        min(k, 30), metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / 0.1)
    ).fit(bank.numpy(), known.numpy())
    shares = peer.predict_proba(views().flatten(1).numpy())
    k = min(k, 30)
    expected = np.log((k * shares + 1) / (k + 3))
    np.testing.assert_allclose(encoder(views()).numpy(), expected, atol=1e-5)
    assert np.allclose(np.exp(expected).sum(1), 1)


def test_it_loads_from_its_configuration_and_state_and_nobody_can_train_it():
    encoder, *_ = made()
    config = NeighboursConfig(plain=PixelsConfig(side=4), samples=30, classes=3, k=5)
    again = build_encoder(config, PACKING).eval()
    again.load_state_dict(load(save(encoder.state_dict())))
    assert torch.equal(again(views()), encoder(views()))
    assert not list(encoder.parameters())
    assert not encoder.learnt
    assert encoder.class_scores
    with pytest.raises(ValidationError):
        TypeAdapter(EncoderConfig).validate_python(config.model_dump())


def test_a_sample_alone_gets_what_it_gets_in_a_batch():
    encoder, *_ = made()
    alone = torch.cat([encoder(view.unsqueeze(0)) for view in views()])
    torch.testing.assert_close(alone, encoder(views()), rtol=0, atol=1e-6)


def test_onnxruntime_gives_the_same(tmp_path):
    encoder, *_ = made()
    assert onnx.export_encoder(encoder, views(), tmp_path / "e.onnx") <= 1e-5
