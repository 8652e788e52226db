"""Views through the encoder: those of one size together, for one large batch costs less than several small.

Source: the multi-crop forward of SwAV (arXiv:2006.09882, section 3.2).
Letters: B samples, S side, D feature size.
"""

from itertools import groupby

import torch
from torch import Tensor, nn

from components.augmentations.image import ViewConfig
from components.errors import UserError
from components.objectives.base import ViewSpec


def view_spec(view: ViewConfig, local: ViewConfig | None, locals_: int) -> ViewSpec:
    """Two global views, then the local ones.

    Raises:
        UserError: local views are wanted but not described.
    """
    if locals_ and local is None:
        raise UserError(
            f"locals = {locals_} needs local: how such a view is made; give local, or set locals to 0"
        )
    return ((view, 2), (local, locals_)) if local is not None and locals_ else ((view, 2),)


def encode(encoder: nn.Module, views: list[Tensor]) -> list[Tensor]:
    """views, each [B, C, S, S] with neighbours of one size -> features, each [B, D], in the same order.

    Batch norm sees all views of one size as one batch, as in the papers' code.
    """
    features: list[Tensor] = []
    for _, group in groupby(views, key=lambda v: v.shape[1:]):
        same = list(group)
        features += encoder(torch.cat(same)).split([len(v) for v in same])
    return features
