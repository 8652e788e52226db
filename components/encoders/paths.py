"""Stochastic depth: in training, a block is left out for a sample at random.

Source: Huang et al. 2016 (arXiv:1603.09382), by sample as in DeiT's code. The draws are the process's own:
with a rate above 0, two processes do not equal one.
Letters: B samples.
"""

import torch
from torch import Tensor, nn


def rates(last: float, blocks: int) -> list[float]:
    """The rate of each block, from 0 for the first to `last` for the last. .2 over 3 blocks: 0, .1, .2."""
    return [last * number / max(1, blocks - 1) for number in range(blocks)]


class DropPath(nn.Module):
    """[B, ...] -> the same: 0 for a share `rate` of the samples, 1 / (1 - rate) times the input for others.

    The mean over many draws is the input. In evaluation, at rate 0 and without gradient (a teacher's
    answers, as in iBOT's code), the input itself.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0 or not torch.is_grad_enabled():
            return x
        stays = torch.rand([len(x)] + [1] * (x.ndim - 1), device=x.device) >= self.rate
        return x * stays / (1 - self.rate)
