"""Batch norm that normalises but does not remember."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def frozen_bn_stats(encoder: nn.Module) -> Iterator[None]:
    """Inside, batch norm in training mode normalises by the batch, but its running figures are copies that
    are thrown away: a pass with perturbed samples, or one only for guesses, leaves them as they were.
    """
    layers = [layer for layer in encoder.modules() if isinstance(layer, _BatchNorm)]
    kept = [dict(layer.named_buffers(recurse=False)) for layer in layers]
    try:
        for layer, buffers in zip(layers, kept, strict=True):
            for name, buffer in buffers.items():
                setattr(layer, name, buffer.clone())
        yield
    finally:
        for layer, buffers in zip(layers, kept, strict=True):
            for name, buffer in buffers.items():
                setattr(layer, name, buffer)
