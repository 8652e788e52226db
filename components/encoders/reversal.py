"""Gradient reversal: one loss that one side descends and the other climbs, for one optimiser.

Source: Ganin & Lempitsky 2015 (arXiv:1409.7495), section 3: the identity forwards, minus lambda backwards;
lambda = 2 / (1 + e^{-10 p}) - 1, p the share of training that is done.
"""

from typing import Any

import torch
from torch import Tensor


def reverse(x: Tensor, strength: float | Tensor = 1.0) -> Tensor:
    """x itself; its gradient comes back multiplied by -strength. strength: [] >= 0."""
    result: Tensor = _Reverse.apply(x, torch.as_tensor(strength, device=x.device))  # type: ignore[no-untyped-call]
    return result


def ganin(progress: float | Tensor) -> Tensor:
    """[] lambda at progress 0..1: 0 at 0, .9999092 at 1. It equals tanh(5 p)."""
    return torch.tanh(5 * torch.as_tensor(progress))


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: Tensor) -> Tensor:
        ctx.save_for_backward(strength)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (strength,) = ctx.saved_tensors
        return grads[0] * -strength.to(grads[0].dtype), None
