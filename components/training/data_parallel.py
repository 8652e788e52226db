"""Data-parallel training by forked processes of one machine, one thread each; beyond one machine it is Ray Train.

Each process computes its part of every batch, and once a step the gradients are averaged in one flat buffer.
Where the objective needs the whole batch it communicates itself (components.collectives).
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from components.collectives import world
from components.forks import RESTARTS, Say, WorkerDiedError, at_once
from components.training.checkpoint import processes_of
from components.training.shared_memory import Room, joined

R = TypeVar("R")
SMALLEST = 32  # samples of a batch that each process must have: batch norm estimates its statistics from them
TIMEOUT = timedelta(hours=2)  # a process that is stopped, not dead; one that dies is noticed at once


def processes_for(cores: int, *batches: int) -> int:
    """How many processes share these batches: at most one a core, each an equal part.

    Args:
        batches: sizes that must each be divisible (labelled and unlabelled samples of a step).

    Returns:
        The largest divisor of all of them up to `cores` that leaves each process SMALLEST samples in all; 1 if
        there is none. 2 of 2 cores for 256; 8 of 64 cores for 256; 1 of 2 cores for 255.
    """
    most = min(cores, sum(batches) // SMALLEST)
    return max((p for p in range(1, most + 1) if all(size % p == 0 for size in batches)), default=1)


def how_many(folder: Path, device: torch.device, cores: int, *batches: int) -> int:
    """Processes for the training whose checkpoints are in `folder`: as many as have begun it, on any machine, for
    another number gives other bytes; else processes_for, or 1 on a GPU."""
    if device.type != "cpu":
        return 1
    return processes_of(folder) or processes_for(cores, *batches)


def together(work: Callable[[], R], processes: int, say: Say = lambda text: None) -> R:
    """Run `work` in so many processes as one torch.distributed group; the result of the first.

    With one process it runs in this one, without a group. If a process is killed all begin again, up to RESTARTS
    times: `work` must go on from its own checkpoints.

    Raises:
        WorkerDiedError: processes were killed more often than that. Else what `work` raised.
    """
    if processes == 1:
        return work()
    for attempt in range(RESTARTS + 1):
        room = Room(processes)
        try:
            return at_once(partial(_member, work, room), processes)
        except WorkerDiedError as death:
            if attempt == RESTARTS:
                raise
            say(f"{death}; training goes on from the last checkpoint")
    raise AssertionError("unreachable")


def _member(work: Callable[[], R], room: Room, rank: int) -> R:
    with joined(room, rank, TIMEOUT):
        result = work()
        dist.barrier()  # nobody leaves while another still listens
    return result


class Gradients:
    """Averages the gradients of parameters over the processes: one flat buffer, one collective a step.

    A parameter that has no gradient in any process keeps none; one that has a gradient in some processes counts as
    zero in the others.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        sizes = [p.numel() for p in self.parameters]
        like = self.parameters[0]
        self.flat = torch.zeros(sum(sizes) + len(sizes), dtype=like.dtype, device=like.device)
        *parts, self.present = torch.split(self.flat, [*sizes, len(sizes)])
        self.parts = [_shaped(part, p) for part, p in zip(parts, self.parameters, strict=True)]

    @torch.no_grad()
    def average(self) -> None:
        """Call between backward and the optimiser's step."""
        own = [p.grad for p in self.parameters]
        here = [grad is not None for grad in own]
        for part, grad in zip(self.parts, own, strict=True):
            if grad is None:
                part.zero_()
            else:
                part.copy_(grad)
        self.present.copy_(torch.tensor(here))
        dist.all_reduce(self.flat)
        everywhere = (self.present > 0).tolist()
        self.flat /= world()
        for parameter, part, used in zip(self.parameters, self.parts, everywhere, strict=True):
            parameter.grad = part if used else None


def _shaped(flat: Tensor, like: Tensor) -> Tensor:
    """A view of `flat` [numel] with the shape and the memory order of `like`."""
    if like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last):
        n, c, h, w = like.shape
        return flat.view(n, h, w, c).permute(0, 3, 1, 2)
    return flat.view_as(like)


@torch.no_grad()
def same_state(tensors: Iterable[Tensor]) -> None:
    """Every process takes the first one's values."""
    for tensor in tensors:
        dist.broadcast(tensor, 0)
