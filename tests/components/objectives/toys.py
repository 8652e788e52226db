"""The toy input of the golden values, and an encoder small enough to follow by hand."""

import torch
import torch.nn.functional as F
from torch import nn

from components.objectives.base import Batch

Z1 = torch.tensor([[1, 2, 3], [-1, 0.5, 2], [0.3, -2, 1], [2, 2, -1]], dtype=torch.float64)
Z2 = torch.tensor([[1.1, 1.8, 2.5], [-0.5, 1, 2], [0.1, -1.5, 1.5], [1.5, 2.5, -0.5]], dtype=torch.float64)
B, D = 6, 7


class Flat(nn.Module):
    """An encoder without chance or norm: means over pieces of the view, so that views of every size fit."""

    feature_dim = D

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, D)

    def forward(self, x):
        return self.layer(8 * (F.adaptive_avg_pool2d(x, 2).flatten(1) - 0.5))


def make(objective, config):
    """The objective in eval mode (batch norm is a fixed line then), with its encoder."""
    torch.manual_seed(0)
    encoder = Flat()
    return objective(config, encoder).eval(), encoder


def batch(views=2, samples=B, seed=0, sides=(8, 8, 4, 4, 4), targets=None):
    generator = torch.Generator().manual_seed(seed)
    made = [torch.rand(samples, 1, s, s, generator=generator) for s in sides[:views]]
    return Batch(made, torch.arange(samples), targets)


def noise(rows=5, size=4, seed=0):
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def move(module):
    """Its weights change, as by an optimiser."""
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            parameter += 0.1 * (1 + number % 3)


def drift(teacher, before, student):
    """tau for each parameter of a teacher that has followed: (after - student) / (before - student)."""
    return [
        ((a - s) / (b - s)).mean().item()
        for a, b, s in zip(teacher.parameters(), before, student.parameters(), strict=True)
        if (b - s).abs().min() > 1e-3
    ]
