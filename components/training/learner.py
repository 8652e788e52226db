"""What is trained: an encoder with its objective, as one module that a checkpoint holds whole.

Letters: B samples in a batch, C channels, S side in pixels, D feature size, N samples.
"""

import hashlib
from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from components.collectives import rank, world
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses, Objective
from components.training.data_parallel import Gradients, same_state
from components.training.device import Placement


class Learner(nn.Module):
    """encoder: sample -> feature. objective: all beyond it (a pretext task, a semi-supervised method)."""

    def __init__(self, encoder: Encoder, objective: Objective) -> None:
        super().__init__()
        self.encoder, self.objective = encoder, objective

    def forward(self, batch: Batch) -> Losses:
        losses: Losses = self.objective(self.encoder, batch)
        return losses


class Replica(nn.Module):
    """A learner whose losses are plain tensors, which is what backward and DistributedDataParallel can follow."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.learner = learner

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        losses = self.learner(batch)
        return losses.total, losses.parts


class Averaged(Replica):
    """A replica whose gradients are, when backward returns, the mean over the processes."""

    def __init__(self, learner: Learner) -> None:
        super().__init__(learner)
        same_state([*learner.parameters(), *learner.buffers()])
        self.gradients = Gradients(learner.parameters())

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        total, parts = super().forward(batch)
        total.register_hook(self._when_done)  # type: ignore[no-untyped-call]
        return total, parts

    def _when_done(self, grad: Tensor) -> None:
        # What DistributedDataParallel does at the end of backward, too.
        torch.autograd.Variable._execution_engine.queue_callback(self.gradients.average)


def parallel(learner: Learner) -> nn.Module:
    """The module to call each step: gradients are averaged over the processes if there are several.

    On GPUs by DistributedDataParallel, which communicates while backward computes; on CPUs, where both take the
    same cores, once and in one buffer. Buffers are not broadcast: queues and banks may differ from process to
    process. Parameters may go unused in a step (frozen prototypes, a head that waits for its first clusters).
    """
    if world() == 1:
        return Replica(learner)
    if next(learner.parameters()).device.type == "cpu":
        return Averaged(learner)
    return DistributedDataParallel(
        Replica(learner), broadcast_buffers=False, find_unused_parameters=True, gradient_as_bucket_view=True
    )


def derive_seed(seed: int, *position: int) -> int:
    """A seed for the random numbers of one place in a training; pure, so that resuming stores nothing."""
    digest = hashlib.sha256(" ".join(map(str, (seed, *position))).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


@torch.no_grad()
def sync_bn_stats(module: nn.Module) -> None:
    """Batch-norm statistics become the mean over the processes, each of which saw its part of the data."""
    if world() == 1:
        return
    for layer in module.modules():
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None and layer.running_var is not None:
            for statistic in (layer.running_mean, layer.running_var):
                dist.all_reduce(statistic)
                statistic /= world()


@torch.no_grad()
def features(
    encoder: nn.Module,
    clean: Callable[[Tensor], Tensor],
    rows: int,
    placement: Placement,
    batch_size: int = 512,
) -> Tensor:
    """[rows, D] float32 on the CPU: eval-mode features of clean samples, each process computing its share.

    Args:
        clean: index [B] int64 -> samples [B, C, S, S] float in [0, 1] on the encoder's device.
    """
    training = encoder.training
    encoder.eval()
    start, stop = (rows * r // world() for r in (rank(), rank() + 1))
    parts = []
    for first in range(start, stop, batch_size):
        with placement.autocast():
            parts.append(encoder(clean(torch.arange(first, min(first + batch_size, stop)))).float())
    encoder.train(training)
    own = torch.cat(parts) if parts else torch.zeros(0, 0, device=placement.device)
    if world() == 1:
        return own.cpu()
    width = torch.tensor([own.shape[1]], device=placement.device)
    dist.all_reduce(width, op=dist.ReduceOp.MAX)
    whole = torch.zeros(rows, int(width), device=placement.device)
    if parts:
        whole[start:stop] = own
    dist.all_reduce(whole)  # a sum with zeros: exact
    return whole.cpu()
