"""The averaged module against a sum by hand: weights, buffers, counters, shared weights."""

import pytest
import torch
from torch import nn

from components.training.ema import Ema, ramped


def module(value: float) -> nn.BatchNorm1d:
    made = nn.BatchNorm1d(2)
    for tensor in (made.weight, made.bias, made.running_mean, made.running_var):
        assert tensor is not None
        nn.init.constant_(tensor, value)
    return made


def test_ramp() -> None:
    assert [ramped(0.99, n) for n in (0, 1, 8)] == [0.1, 2 / 11, 0.5]
    assert ramped(0.4, 8) == 0.4
    assert ramped(0.999, 100_000) == 0.999


def test_weights_and_buffers_follow_and_counters_are_copied() -> None:
    ema, live, expected = Ema(module(0.0), 0.5), module(1.0), 0.0
    assert live.num_batches_tracked is not None
    for n in range(6):
        live.num_batches_tracked += 1
        ema.update(live)
        d = min(0.5, (1 + n) / (10 + n))
        expected = d * expected + (1 - d) * 1.0
    for name, tensor in ema.module.state_dict().items():
        wanted = 6 if name == "num_batches_tracked" else expected
        assert tensor.flatten()[0].item() == pytest.approx(wanted), name
    assert float(live.weight.detach()[0]) == 1.0


def test_a_weight_that_two_layers_share_moves_once() -> None:
    first = nn.Linear(2, 2, bias=False)
    pair = nn.Sequential(first, first)
    nn.init.zeros_(first.weight)
    ema = Ema(pair, 0.9)
    nn.init.ones_(first.weight)
    ema.update(pair)
    assert ema.module[0].weight[0, 0].item() == pytest.approx(0.9)


def test_the_copy_has_no_gradient_is_in_eval_mode_and_resumes() -> None:
    live = module(1.0).train()
    ema, other = Ema(live, 0.9), Ema(module(0.0), 0.9)
    assert not ema.module.training
    assert not any(p.requires_grad for p in ema.module.parameters())
    ema.update(module(3.0))
    other.load_state_dict(ema.state_dict())
    for each in (ema, other):
        each.update(module(5.0))
    assert torch.equal(ema.module.weight, other.module.weight)
