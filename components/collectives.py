"""What passes between the processes of one training, with the gradients that belong to it.

The convention: what is descended is the mean over the ranks of their losses, for DDP averages the
parameters' gradients over the ranks. The backward of `gather` and `all_reduce_sum` therefore sums over the
ranks: what every rank's loss does to this rank's rows comes back to them, and DDP's average divides it by the
number of ranks. So the gradient of W processes is that of one with the whole batch if each rank's loss is the
mean over its own samples (equally many on each), or the loss of the whole batch on each. The loop logs the mean
over the ranks (components.training.training_log), which in both cases is the whole batch's value.

Everything here is the identity when torch.distributed is not initialised.
Letters: B rows on this rank, W ranks.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world() -> int:
    """How many processes train together; 1 without torch.distributed."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number, from 0; 0 without torch.distributed."""
    return dist.get_rank() if world() > 1 else 0


def all_reduce_sum(t: Tensor) -> Tensor:
    """The sum of t over the ranks, on every rank, same shape. Backward: the sum of the ranks' gradients."""
    if world() == 1:
        return t
    result: Tensor = _Sum.apply(t)  # type: ignore[no-untyped-call]
    return result


def gather(t: Tensor) -> Tensor:
    """[B, ...] -> [W * B, ...]: the rows in order of rank. Backward: the ranks' gradients summed, own rows.

    Every rank must bring the same shape.
    """
    if world() == 1:
        return t
    result: Tensor = _Gather.apply(t)  # type: ignore[no-untyped-call]
    return result


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        total = t.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        parts = [torch.empty_like(t, memory_format=torch.contiguous_format) for _ in range(world())]
        dist.all_gather(parts, t.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total.chunk(world())[rank()]
