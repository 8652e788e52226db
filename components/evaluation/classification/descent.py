"""The few hundred steps that fit a head, or a network, to be measured: Adam with a cosine decay of the rate.

Source: Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1. Written out because evaluation does not know the training
loop, and torch's own optimisers take five seconds to import a compiler that nothing here uses.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

BETAS, EPSILON = (0.9, 0.999), 1e-8


def descend(
    loss: Callable[[int], Tensor], groups: Sequence[tuple[Sequence[Tensor], float]], steps: int
) -> list[float]:
    """Change the parameters in place; returns the loss at every step.

    loss: of step 0 .. steps - 1. groups: parameters and their rate at the beginning, which falls to 0 by a cosine.
    The first step moves every number by its rate against the sign of its gradient.
    """
    flat = [(p, rate) for parameters, rate in groups for p in parameters]
    first = [torch.zeros_like(p) for p, _ in flat]
    second = [torch.zeros_like(p) for p, _ in flat]
    seen = []
    for step in range(steps):
        value = loss(step)
        seen.append(float(value.detach()))
        slopes = torch.autograd.grad(value, [p for p, _ in flat], materialize_grads=True)
        share = 0.5 * (1 + math.cos(math.pi * step / steps))
        with torch.no_grad():
            for (p, rate), slope, m, v in zip(flat, slopes, first, second, strict=True):
                m.lerp_(slope, 1 - BETAS[0])
                v.lerp_(slope**2, 1 - BETAS[1])
                away = (v / (1 - BETAS[1] ** (step + 1))).sqrt() + EPSILON
                p.sub_(share * rate * (m / (1 - BETAS[0] ** (step + 1))) / away)
    return seen
