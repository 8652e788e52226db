"""CutMix: a box of a sample is replaced by that of another; the target is shared as the area is.

Source: Yun et al. 2019 (arXiv:1905.04899), equations 1 and 2.
Letters: B samples, C channels, H x W pixels.
"""

import torch
from torch import Tensor


def cut(own: Tensor, other: Tensor, share: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Paste a box of other [B, C, H, W] into own.

    Args:
        share: [B] in [0, 1], the area that own keeps. x, y: [B] in [0, 1), the centre of the box, which is
            cut off at the edge.

    Returns:
        [B, C, H, W], and [B] the share of pixels that own has really kept.
    """
    height, width = own.shape[2:]
    side = (1 - share).sqrt()
    inside_y = _inside(height, y, side)
    inside_x = _inside(width, x, side)
    box = inside_y.unsqueeze(2) & inside_x.unsqueeze(1)
    kept = 1 - box.float().mean(dim=(1, 2))
    return torch.where(box.unsqueeze(1), other, own), kept


def _inside(size: int, centre: Tensor, side: Tensor) -> Tensor:
    """[B, size] whether a pixel's index lies in the box."""
    half = (size * side / 2).floor().unsqueeze(1)
    middle = (size * centre).floor().unsqueeze(1)
    at = torch.arange(size, device=centre.device)
    return (at >= middle - half) & (at < middle + half)
