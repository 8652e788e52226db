"""Exponential moving average of a module: its weights and its buffers (Tarvainen & Valpola 2017,
arXiv:1703.01780).

The decay ramps up as (1 + n) / (10 + n), so that a short training is not dominated by its random start.
"""

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def ramped(decay: float, updates: int) -> float:
    """The decay of update number `updates` (from 0): .1, 2/11, 3/12, ... and never more than `decay`."""
    return min(decay, (1 + updates) / (10 + updates))


class Ema(Generic[M]):
    """module: a copy of the given one, in eval mode and without gradients, that follows it at a distance.

    Averaged weights go with averaged batch-norm statistics: the statistics of the live network describe
    features that the averaged network does not make. Integer buffers (counters, queues' positions) are
    copied.
    """

    def __init__(self, module: M, decay: float) -> None:
        assert 0 <= decay < 1
        self.module: M = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards `module`: average <- d average + (1 - d) module."""
        step = 1 - ramped(self.decay, self.updates)
        self.updates += 1
        floating: tuple[list[Tensor], list[Tensor]] = ([], [])
        live = _tensors(module)
        for name, mean in _tensors(self.module).items():
            if mean.is_floating_point():
                floating[0].append(mean)
                floating[1].append(live[name])
            else:
                mean.copy_(live[name])
        torch._foreach_lerp_(floating[0], floating[1], step)

    def state_dict(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.updates = int(state["updates"])


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers by name, shared ones once."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
