"""LoRA: weights stay as they are, and a product of two thin matrices is learnt beside each.

Source: Hu et al. 2021 (arXiv:2106.09685), equation 3: W + (alpha / r) B A, B = 0 at the start, A random.
Differs: all linear layers and ungrouped convolutions are adapted, not the queries and values of attention
alone (section 7.1 of the paper finds that it is better to spread a budget); of a convolution's [O, I, k, k],
the k k I inputs of an output are taken as one vector. There is no dropout.
Letters: O outputs, I inputs of a layer, r rank.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from components.encoders.norm import BatchNorm
from components.errors import UserError

M = TypeVar("M", bound=nn.Module)


class Delta(nn.Module):
    """W [O, I] or [O, I, k, k] -> W + (alpha / r) B A, of W's shape.

    b: [O, r], 0. a: [r, I k k], variance 1 / I k k. Neither has more than O or I k k of r.
    """

    def __init__(self, weight: Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        flat = weight.detach().flatten(1)
        inner = min(rank, *flat.shape)
        self.scale = alpha / rank
        self.a = nn.Parameter(torch.randn(inner, flat.shape[1]).to(flat) / flat.shape[1] ** 0.5)
        self.b = nn.Parameter(flat.new_zeros(len(flat), inner))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.scale * (self.b @ self.a)).view_as(weight)


class StillBatchNorm(BatchNorm):
    """Batch norm that keeps to the statistics it has, in training too."""

    def train(self, mode: bool = True) -> "StillBatchNorm":
        super().train(False)
        return self


def freeze(module: M) -> M:
    """Nothing of the module learns any more, its batch-norm statistics included. In place."""
    module.requires_grad_(False)
    for part in module.modules():
        if isinstance(part, BatchNorm):
            part.__class__ = StillBatchNorm
            part.eval()
    return module


def adapt(module: M, rank: int, alpha: float) -> M:
    """The module frozen, with a learnt delta on each linear layer and ungrouped convolution. In place.

    What it gives is the same as before, until a step is taken.

    Raises:
        UserError: it has no such layer.
    """
    freeze(module)
    found = [
        m for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d) and getattr(m, "groups", 1) == 1
    ]
    if not found:
        raise UserError(
            "lora-without-layers",
            f"adapt: lora needs linear layers or convolutions, and {type(module).__name__} has none; "
            f"set adapt to full or frozen",
        )
    for layer in found:
        parametrize.register_parametrization(layer, "weight", Delta(layer.weight, rank, alpha))
    return module


def merged(module: nn.Module) -> dict[str, Tensor]:
    """The module's state without deltas: W + (alpha / r) B A in place of each W. For the plain network."""
    state = dict(module.state_dict())
    for name, part in module.named_modules():
        if parametrize.is_parametrized(part, "weight"):
            inside = f"{name}." if name else ""
            state = {k: v for k, v in state.items() if not k.startswith(f"{inside}parametrizations.weight.")}
            state[f"{inside}weight"] = part.weight.detach()
    return state
