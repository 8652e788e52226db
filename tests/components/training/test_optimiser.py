"""Groups, rates and the LARS step against arithmetic by hand."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from components.training.optimiser import (
    AdamwConfig,
    Lars,
    LarsConfig,
    SgdConfig,
    build_optimiser,
    parameter_groups,
    reset_moments,
    set_rate,
)

ROOT = Path(__file__).resolve().parents[3]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_decay_spares_biases_and_norms_and_the_encoder_has_its_own_rate() -> None:
    net = network()
    net[2].bias.requires_grad_(False)
    groups = parameter_groups([(net[0], 0.1), (net, 1.0)], learning_rate=2.0, weight_decay=0.3)
    found = [(g["peak"], g["weight_decay"], [tuple(p.shape) for p in g["params"]]) for g in groups]
    assert found == [
        (0.2, 0.3, [(4, 3)]), (0.2, 0.0, [(4,)]), (2.0, 0.3, [(2, 4)]), (2.0, 0.0, [(4,), (4,)])
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "kind"), [(AdamwConfig(), AdamW), (SgdConfig(), SGD), (LarsConfig(), Lars)]
)
def test_each_name_builds_its_optimiser_and_the_schedule_scales_every_group(
    config: object, kind: type
) -> None:
    net = network()
    optimiser = build_optimiser(config, [(net[0], 0.5), (net, 1.0)])  # type: ignore[arg-type]
    assert isinstance(optimiser, kind)
    set_rate(optimiser, 0.5)
    set_rate(optimiser, 0.25)
    peaks = [g["peak"] for g in optimiser.param_groups]
    assert [g["lr"] for g in optimiser.param_groups] == pytest.approx([p * 0.25 for p in peaks])
    net(torch.randn(5, 3, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    moving = [
        net[0].weight,
        net[1].weight,
        net[2].weight,
        net[2].bias,
    ]  # a bias before a norm has no gradient
    before = [p.detach().clone() for p in moving]
    optimiser.step()
    assert all(not torch.equal(a, b) for a, b in zip(before, moving, strict=True))


@pytest.mark.parametrize(
    ("config", "its"),
    [
        (AdamwConfig(), lambda groups: AdamW(groups, lr=2e-3, betas=(0.9, 0.99), fused=True)),
        (SgdConfig(nesterov=True), lambda groups: SGD(groups, 0.05, 0.9, nesterov=True, fused=True)),
    ],
)
def test_the_steps_are_torchs_to_the_bit(config: AdamwConfig | SgdConfig, its: Any) -> None:
    ends = []
    for ours in (True, False):
        torch.manual_seed(0)
        net = network()
        how = {"learning_rate": config.learning_rate, "weight_decay": config.weight_decay}
        optimiser = (
            build_optimiser(config, [(net, 1.0)]) if ours else its(parameter_groups([(net, 1.0)], **how))
        )
        for _ in range(5):
            net(torch.randn(6, 3)).square().sum().backward()
            optimiser.step()
            optimiser.zero_grad()
        ends.append([p.detach() for p in net.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_lars_steps() -> None:
    """|w| = 5, |g| = 2, decay .1: scale .01 * 5 / (2 + .1 * 5) = .02; then momentum."""
    weight, bias = nn.Parameter(torch.tensor([[3.0, 4.0]])), nn.Parameter(torch.tensor([1.0]))
    groups = [{"params": [weight], "weight_decay": 0.1}, {"params": [bias]}]
    lars = Lars(groups, lr=0.5, momentum=0.9, trust=0.01)
    weight.grad, bias.grad = torch.tensor([[0.0, 2.0]]), torch.tensor([2.0])
    lars.step()
    first = 0.02 * torch.tensor([[0.3, 2.4]])
    torch.testing.assert_close(weight.detach(), torch.tensor([[3.0, 4.0]]) - 0.5 * first)
    assert bias.item() == pytest.approx(1 - 0.5 * 2)
    weight.grad, bias.grad = torch.zeros(1, 2), torch.zeros(1)
    lars.step()
    assert bias.item() == pytest.approx(1 - 0.5 * 2 - 0.5 * 0.9 * 2)
    # no slope, no trust: what remains is momentum and plain decay
    after = torch.tensor([[3.0, 4.0]]) - 0.5 * first
    torch.testing.assert_close(weight.detach(), after - 0.5 * (0.9 * first + 0.1 * after))


@pytest.mark.parametrize("config", [AdamwConfig(), SgdConfig(), LarsConfig()])
def test_what_is_forgotten_steps_as_if_for_the_first_time(config: object) -> None:
    """One weight of a group forgets, its neighbour does not."""
    torch.manual_seed(0)
    one, two = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
    optimiser = build_optimiser(config, [(nn.Sequential(one, two), 1.0)])  # type: ignore[arg-type]
    for _ in range(3):
        for layer in (one, two):
            layer.weight.grad = torch.randn(3, 3)
        optimiser.step()
    reset_moments(optimiser, [two.weight])
    others = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
    for layer, other in zip((one, two), others, strict=True):
        other.load_state_dict(layer.state_dict())
        layer.weight.grad = other.weight.grad = torch.randn(3, 3)
    build_optimiser(config, [(nn.Sequential(*others), 1.0)]).step()  # type: ignore[arg-type]
    optimiser.step()
    assert torch.equal(two.weight, others[1].weight)
    assert not torch.equal(one.weight, others[0].weight)


def test_torchs_compiler_is_not_imported() -> None:
    """Its import takes longer than the start of everything else."""
    code = """
import sys, torch
from components.training.optimiser import *
for config in (AdamwConfig(), SgdConfig(), LarsConfig()):
    layer = torch.nn.Linear(2, 2)
    optimiser = build_optimiser(config, [(layer, 1.0)])
    for _ in range(2):
        layer(torch.ones(1, 2)).sum().backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        optimiser.load_state_dict(optimiser.state_dict())
print("torch._dynamo" in sys.modules, "sympy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "False"]
