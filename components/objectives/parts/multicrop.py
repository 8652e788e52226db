"""Views through the encoder: those of one size together, for one large batch costs less than several small.

Source: the multi-crop forward of SwAV (arXiv:2006.09882, section 3.2).
Letters: B samples, S side, D feature size.
"""

from itertools import groupby

import torch
from torch import Tensor, nn

from components.objectives.base import ViewSpec


def multicrop(locals_: int) -> ViewSpec:
    """Two global views, then the local ones: for 4, (("global", 2), ("local", 4))."""
    return (("global", 2), ("local", locals_)) if locals_ else (("global", 2),)


def encode(encoder: nn.Module, views: list[Tensor]) -> list[Tensor]:
    """views, each [B, C, S, S] with neighbours of one size -> features, each [B, D], in the same order.

    Batch norm sees all views of one size as one batch, as in the papers' code.
    """
    features: list[Tensor] = []
    for _, group in groupby(views, key=lambda v: v.shape[1:]):
        same = list(group)
        features += encoder(torch.cat(same)).split([len(v) for v in same])
    return features
