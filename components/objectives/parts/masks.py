"""Which patches are hidden from an encoder of tokens.

Sources: He et al. 2021 (arXiv:2111.06377), section 3, patches at random; blocks: Xie et al. 2021
(arXiv:2111.09886), section 3.2, where the cells of a coarser grid are hidden whole. Every sample has equally
many hidden patches, so that the mean over samples and processes is one over patches.
Letters: B samples, h x w the grid of patches, T = h w patches, n hidden ones.
"""

import torch
from torch import Tensor

from components.encoders.base import Encoder, TokenEncoder
from components.errors import UserError


def token_encoder(encoder: Encoder, name: str) -> TokenEncoder:
    """The encoder, which gives tokens.

    Raises:
        UserError: it does not; `name` is the objective's.
    """
    if not isinstance(encoder, TokenEncoder):
        raise UserError(
            "encoder-unsuitable",
            f"{name} hides patches and needs an encoder of tokens, and {type(encoder).__name__} gives none; "
            f"set encoder to {{name: vit}}, or take another objective",
        )
    return encoder


def priorities(fine: Tensor, coarse: Tensor, block: int) -> Tensor:
    """[B, T] what patches are hidden by, the largest first: that of their cell of block x block patches.

    Args:
        fine: [B, h, w] in [0, 1), decides between patches of the cell that is hidden in part.
        coarse: [B, h / block, w / block], both rounded up, in [0, 1).
    """
    cells = coarse.repeat_interleave(block, 1).repeat_interleave(block, 2)
    return (cells[:, : fine.shape[1], : fine.shape[2]] + 1e-4 * fine).flatten(1)


def largest(numbers: Tensor, ratio: float) -> Tensor:
    """[B, T] numbers -> [B, T] bool, true for the n = ratio T largest of each row (1 <= n < T).

    (.1, .9, .5, .2) at .5: patches 1 and 2.

    Raises:
        UserError: there is one patch alone: none could be hidden with another left.
    """
    patches = numbers.shape[1]
    if patches < 2:
        raise UserError(
            "patch-too-small",
            f"hiding patches needs 2 patches a view or more, got {patches}; take a smaller patch or "
            f"larger views",
        )
    count = min(max(round(ratio * patches), 1), patches - 1)
    rank = numbers.argsort(dim=1, descending=True, stable=True)
    return torch.zeros_like(numbers, dtype=torch.bool).scatter_(1, rank[:, :count], True)


def visible(hidden: Tensor) -> Tensor:
    """[B, T] bool with n true in each row -> [B, T - n] int64: the others, in order."""
    count = hidden.shape[1] - int(hidden[0].sum())
    return hidden.to(torch.uint8).argsort(dim=1, stable=True)[:, :count]


def patches(x: Tensor, side: int) -> Tensor:
    """[B, C, h P, w P] -> [B, T, C P P], T = h w, row by row: the patches of side P."""
    cut = x.unfold(2, side, side).unfold(3, side, side)  # [B, C, h, w, P, P]
    return cut.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
