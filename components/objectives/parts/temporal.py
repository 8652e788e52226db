"""What the objectives of series share: places in time that belong to sample and step, and means over what is there.

Letters: B samples on this rank, T time steps of the longest of a batch, n those of one, W ranks.
"""

import torch
from torch import Tensor

from components.collectives import all_reduce_sum, world


def mean_where(values: Tensor, where: Tensor) -> Tensor:
    """[] the sum of `values` where `where` (of one shape) times W over their number on all ranks: the mean of that over
    the ranks is the mean over all, however many each rank has. 0 where there are none."""
    count = all_reduce_sum(where.sum().to(values.dtype))
    return values.masked_fill(~where, 0.0).sum() * world() / count.clamp(min=1)


def spans_of(count: Tensor, share: float, begin: Tensor, steps: int) -> Tensor:
    """[B, T] bool: S spans of share * n / S steps, rounded, of one step at least, which may overlap.

    count: [B] time steps n of each sample. begin: [B, S] in [0, 1), where each begins. steps: T. 10 steps, share .4 and
    begin (0, .9) give steps 0, 1, 8, 9.
    """
    count = count.unsqueeze(1)
    size = (share * count / begin.shape[1]).round().clamp(min=1).long()
    first = (begin * (count - size + 1).clamp(min=1)).long()
    at = torch.arange(steps, device=count.device)
    inside = (at >= first.unsqueeze(2)) & (at < (first + size).unsqueeze(2))
    return inside.any(dim=1) & (at < count)
