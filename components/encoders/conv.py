"""Convolution whose weights' gradient is fast on CPUs where maps are small.

oneDNN computes the gradient of bfloat16 weights over few positions at less than half the speed of the forward pass
(3 x 3 positions of 128 channels, batch 256: 4.8 ms after 2.1 ms). Here it is one matrix product for each place in the
kernel, over the positions that this place sees: no product with padding. Measured: docs/log.md.
Letters: B samples, C input and O output channels, H x W the input's side, h x w the output's, k x l the kernel's.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

POSITIONS = 16  # h x w up to which matrix products are the faster way
CHANNELS = 32  # of input and output, from which on they are


class Conv2d(nn.Conv2d):
    """nn.Conv2d in all but the order in which a gradient's products are summed."""

    def forward(self, input: Tensor) -> Tensor:
        if self._by_places(input):
            found: Tensor = _ByPlaces.apply(  # type: ignore[no-untyped-call]
                input.bfloat16(), self.weight.bfloat16(), self.stride, self.padding
            )
            return found
        return super().forward(input)

    def _by_places(self, x: Tensor) -> bool:
        autocast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
        if x.device.type != "cpu" or not (autocast or x.dtype == self.weight.dtype == torch.bfloat16):
            return False
        plain = (
            self.bias is None
            and self.groups == 1
            and self.dilation == (1, 1)
            and self.padding_mode == "zeros"
        )
        if not plain or isinstance(self.padding, str) or min(self.in_channels, self.out_channels) < CHANNELS:
            return False
        learns = torch.is_grad_enabled() and self.weight.requires_grad
        return learns and x.ndim == 4 and self._positions(x) <= POSITIONS

    def _positions(self, x: Tensor) -> int:
        pads = [int(pad) for pad in self.padding]
        sides = zip(x.shape[2:], pads, self.kernel_size, self.stride, strict=True)
        high, wide = ((side + 2 * pad - kernel) // step + 1 for side, pad, kernel, step in sides)
        return high * wide


class _ByPlaces(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return torch.conv2d(x, weight, None, stride, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        of_input = of_weight = None
        if ctx.needs_input_grad[0]:
            of_input = torch.ops.aten.convolution_backward(
                grad, x, weight, None, ctx.stride, ctx.padding, (1, 1), False, (0, 0), 1, (True, False, False)
            )[0]
        if ctx.needs_input_grad[1]:
            of_weight = weight_gradient(x, grad, weight.shape[2:], ctx.stride, ctx.padding)
        return of_input, of_weight, None, None


def weight_gradient(
    x: Tensor, grad: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """[O, C, k, l] gradient of a convolution's weights.

    Args:
        x: [B, C, H, W] its input. grad: [B, O, h, w] of its output. Both best in channels-last memory.
    """
    inputs, outputs = x.permute(0, 2, 3, 1), grad.permute(0, 2, 3, 1)
    found = x.new_empty(*kernel, grad.shape[1], x.shape[1])
    rows, columns = (
        [_seen(place, *sides) for place in range(size)]
        for size, *sides in zip(kernel, x.shape[2:], grad.shape[2:], stride, padding, strict=True)
    )
    for i, (of_output, of_input) in enumerate(rows):
        for j, (of_output_column, of_input_column) in enumerate(columns):
            left = outputs[:, of_output, of_output_column].reshape(-1, grad.shape[1])
            right = inputs[:, of_input, of_input_column].reshape(-1, x.shape[1])
            torch.mm(left.T, right, out=found[i, j])
    return found.permute(2, 3, 0, 1)


def _seen(place: int, size: int, out: int, step: int, pad: int) -> tuple[slice, slice]:
    """The positions of the output that see no padding at this place of the kernel, and the input's that they see."""
    first = max(0, -((place - pad) // step))
    last = max(first, min(out, (size - 1 + pad - place) // step + 1))
    begin = first * step + place - pad
    return slice(first, last), slice(begin, begin + (last - first) * step, step)
