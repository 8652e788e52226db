"""Layer-wise decay: which layer gets which rate, what moves and what must not; and the steps themselves."""

import copy
import inspect

import numpy as np
import pytest
import torch
from torch import nn

from components.encoders import build_encoder
from components.encoders.lora import merged
from components.encoders.resnet import ResnetConfig
from components.evaluation.classification.descent import descend
from components.evaluation.representation import fine_tuning
from components.evaluation.representation.fine_tuning import ALPHA, RANK, fine_tune, groups, layers
from components.modalities.image.config import image_packing


def encoder(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_encoder(ResnetConfig(widths=(4, 8), blocks=(1, 2)), image_packing(1, [0.5], [0.25]))


def test_descent_equals_the_algorithm_in_a_loop():
    w, target = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True), torch.tensor([3.0, 0.5])
    seen = descend(lambda step: ((w - target) ** 2).sum(), [([w], 0.1)], 20)
    slow, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for t in range(20):
        g = 2 * (slow - np.array([3.0, 0.5]))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        rate = 0.1 * 0.5 * (1 + np.cos(np.pi * t / 20))
        slow = slow - rate * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
    np.testing.assert_allclose(w.detach().numpy(), slow, rtol=1e-10)
    assert seen[0] == pytest.approx(4 + 6.25)


def test_the_first_step_is_the_rate_against_the_sign():
    a, b = (torch.tensor([2.0], requires_grad=True) for _ in range(2))
    descend(lambda step: 5 * a.sum() - 0.1 * b.sum(), [([a], 0.1), ([b], 0.01)], 1)
    assert (a.item(), b.item()) == pytest.approx((1.9, 2.01), abs=1e-6)


def test_defaults_are_the_published_ones():
    given = inspect.signature(fine_tune).parameters
    assert (given["decay"].default, RANK, ALPHA) == (0.75, 8, 16)


def test_rates_fall_from_the_head_to_the_pixels():
    made = encoder()
    assert len(layers(made)) == 4  # stem and three blocks
    assert sum(p.numel() for own in layers(made) for p in own) == sum(p.numel() for p in made.parameters())
    assert [rate for _, rate in groups(made, 1.0, 0.5)] == [0.0625, 0.125, 0.25, 0.5]
    first = {id(p) for p in groups(made, 1.0, 0.5)[0][0]}
    assert first == {id(p) for p in made.stem.parameters()}


def stripes(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = 0.4 + 0.1 * rng.random((count, 1, 8, 8))
    images[labels == 0, :, ::2] += 0.3
    images[labels == 1, :, :, ::2] += 0.3
    return torch.tensor(images, dtype=torch.float32), torch.tensor(labels)


def test_it_learns_and_layers_near_the_pixels_move_less():
    start = encoder()
    before = copy.deepcopy(start.state_dict())
    images, labels = stripes(32, 0)
    tuned = fine_tune(start, images, labels, 2, rate=0.01, decay=0.5, steps=40, batch=16)
    test, truth = stripes(50, 1)
    assert float((tuned(test).argmax(1) == truth).float().mean()) > 0.95
    assert all(torch.equal(v, before[k]) for k, v in start.state_dict().items())  # a copy was trained
    conv = [
        float((tuned.encoder.state_dict()[k] - before[k]).abs().mean())
        for k in before
        if k.endswith("weight") and before[k].ndim == 4
    ]
    assert conv[0] < 0.25 * conv[-1]


def test_frozen_trains_the_head_alone_and_keeps_the_statistics():
    start = encoder()
    images, labels = stripes(16, 0)
    tuned = fine_tune(start, images, labels, 2, how="frozen", steps=5)
    for name, kept in tuned.encoder.state_dict().items():
        assert torch.equal(kept, start.state_dict()[name]), name
    assert float(tuned.head.weight.detach().abs().sum()) > 0
    assert all(p.requires_grad for p in start.parameters())  # the one that was given is not frozen


def test_lora_moves_every_layer_by_a_product_of_low_rank_and_nothing_else(monkeypatch):
    monkeypatch.setattr(fine_tuning, "RANK", 2)
    start = encoder()
    images, labels = stripes(16, 0)
    tuned = fine_tune(start, images, labels, 2, how="lora", rate=0.01, steps=4)
    found, before = merged(tuned.encoder), start.state_dict()
    for name, kept in found.items():
        weight = name.endswith("weight") and kept.ndim == 4
        assert torch.equal(kept, before[name]) is not weight, name
        if weight:
            assert int(torch.linalg.matrix_rank((kept - before[name]).flatten(1), rtol=1e-4)) <= 2
    again = fine_tune(start, images, labels, 2, how="lora", rate=0.01, steps=4)
    torch.testing.assert_close(tuned(images), again(images), rtol=0, atol=0)
    with pytest.raises(ValueError, match="decay from 0 to 1"):
        fine_tune(start, images, labels, 2, decay=0)
