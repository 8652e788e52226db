"""Rectangles of patches to predict, and the context beside them, as I-JEPA cuts them.

Source: Assran et al. 2023 (arXiv:2301.08243), section 3: the size of the rectangles is drawn once for a step, their
places for each sample.
Letters: B samples, h x w the grid of patches, T = h w patches, R rectangles of a x b patches, n context patches.
"""

import math

import torch
from torch import Tensor

from components.errors import UserError


def block_size(
    grid: tuple[int, int], share: float, aspect: float, blocks: int, name: str = "ijepa"
) -> tuple[int, int]:
    """(a, b) of a rectangle of about share * T patches, a / b about `aspect`, and small enough for a context to be
    left: blocks * a * b < T.

    Of (14, 14) at .175 and 1: (6, 6); at .2 and 1.5: (8, 5).

    Raises:
        UserError: there are no more patches than `blocks`.
    """
    patches = grid[0] * grid[1]
    if patches <= blocks:
        raise UserError(
            "patch-too-small",
            f"{name} needs more than {blocks} patches a view (its targets), got {patches}; take a smaller patch, "
            "larger views or fewer targets",
        )
    area = int(share * patches)
    rows = min(max(round(math.sqrt(area * aspect)), 1), grid[0])
    columns = min(max(round(math.sqrt(area / aspect)), 1), grid[1])
    while blocks * rows * columns >= patches:
        if rows >= columns:
            rows -= 1
        else:
            columns -= 1
    return rows, columns


def places(numbers: Tensor, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """[B, R, 2] in [0, 1), row and column of each corner -> [B, R, a b] int64, the patches of each rectangle."""
    rows, columns = size
    room = numbers.new_tensor([grid[0] - rows + 1, grid[1] - columns + 1])
    corner = (numbers * room).long()
    down = corner[..., :1] + torch.arange(rows, device=numbers.device)
    right = corner[..., 1:] + torch.arange(columns, device=numbers.device)
    return (down.unsqueeze(-1) * grid[1] + right.unsqueeze(-2)).flatten(2)


def context(targets: Tensor, numbers: Tensor) -> Tensor:
    """[B, n] int64, in order: patches in no rectangle, n = T - R a b of them, which there are wherever they lie.

    Args:
        targets: [B, R, a b] of `places`. numbers: [B, T] in [0, 1), which choose where rectangles overlap and more
            are left.
    """
    taken = torch.zeros_like(numbers).scatter_(1, targets.flatten(1), 1.0)
    left = numbers.shape[1] - targets.shape[1] * targets.shape[2]
    return (numbers + taken).argsort(dim=1, stable=True)[:, :left].sort(dim=1).values
