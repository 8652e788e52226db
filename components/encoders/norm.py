"""Batch norm over the batch of all processes: two with half a batch each do what one does with the whole.

Source: Ioffe & Szegedy 2015 (arXiv:1502.03167); torch's SyncBatchNorm, which exists for CUDA only.
Letters: B samples, C channels.
"""

import torch
from torch import Tensor, nn

from components.collectives import all_reduce_sum, world


class BatchNorm(nn.BatchNorm2d):
    """Batch norm of [B, C] or [B, C, H, W]; torch's own kernel when there is one process or in evaluation.

    synchronised: False normalises each process's part of the batch by its own statistics, as one process would
    that normalises these parts one by one; the processes then do not wait for each other at every layer.

    Has the parameters, buffers and state of torch's BatchNorm, and its arithmetic: biased variance to
    normalise, unbiased in the running figure.

    Raises:
        ValueError: training with one value per channel in all (torch's own message), or another rank of
        input.
    """

    synchronised = True

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in (2, 4):
            raise ValueError(f"BatchNorm needs [B, C] or [B, C, H, W], got {list(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or not self.synchronised or world() == 1:
            return super().forward(input)
        self._check_input_dim(input)
        return self._across(input)

    def _across(self, x: Tensor) -> Tensor:
        dims = [d for d in range(x.ndim) if d != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        here = wide.new_full((1,), x.numel() / x.shape[1])
        count = all_reduce_sum(here)
        mean = all_reduce_sum(wide.sum(dims)) / count
        centred = wide - mean.reshape(
            shape
        )  # two passes: E[x^2] - E[x]^2 loses digits where the mean is large
        variance = all_reduce_sum(centred.square().sum(dims)) / count
        with torch.no_grad():
            self._remember(mean, variance * count / (count - 1).clamp(min=1))
        out = centred * torch.rsqrt(variance + self.eps).reshape(shape)
        return (out * self.weight.reshape(shape) + self.bias.reshape(shape)).to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        rate = self.momentum if self.momentum is not None else 0.1
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), rate)
        self.running_var.lerp_(variance.to(self.running_var.dtype), rate)


def synchronise(module: nn.Module, on: bool) -> None:
    """Set `synchronised` of every batch norm in `module`."""
    for layer in module.modules():
        if isinstance(layer, BatchNorm):
            layer.synchronised = on
