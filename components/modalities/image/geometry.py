"""Where a view looks: crop, flip, rotation and shift folded into one resampling; and the erased rectangle.

Source: the random resized crop of Szegedy et al. 2015 (arXiv:1409.4842) as used by SimCLR (appendix A of
arXiv:2002.05709); erasing after Zhong et al. 2017 (arXiv:1708.04896).
Letters: B samples, C channels, H x W the sample, S side of the view. Shares are of the sample's side.
Differs from torchvision: a crop that would not fit is clamped to the sample instead of drawn again; one
bilinear resampling without antialiasing, so a view much smaller than its crop aliases.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def crop_boxes(area: Tensor, ratio: Tensor, left: Tensor, top: Tensor, aspect: float = 1.0) -> Tensor:
    """Boxes of a given area and shape inside the sample.

    Args:
        area: [B] share of the sample's area. ratio: [B] width / height in pixels.
        left, top: [B] in [0, 1]: where between the two extremes the box lies.
        aspect: W / H of the sample.

    Returns:
        [B, 4]: left, top, width, height as shares; the whole sample for area 1 and ratio `aspect`.
    """
    width = (area * ratio / aspect).sqrt_().clamp_(max=1.0)
    height = (area / ratio * aspect).sqrt_().clamp_(max=1.0)
    return torch.stack([left * (1 - width), top * (1 - height), width, height], dim=1)


def grid(boxes: Tensor, flip: Tensor, size: int, upside_down: Tensor | None = None) -> Tensor:
    """[B, S, S, 2] sampling positions in [-1, 1] (x, y): the box, left and right exchanged where `flip` [B] is true,
    top and bottom where `upside_down` is.

    Columns and rows are filled apart: torch's affine_grid takes longer than the resampling itself.
    """
    steps = (torch.arange(size, device=boxes.device, dtype=boxes.dtype) + 0.5) / size
    left, top, width, height = boxes.unsqueeze(2).unbind(1)  # each [B, 1]
    across = torch.where(flip.unsqueeze(1), 1 - steps, steps)
    down = steps if upside_down is None else torch.where(upside_down.unsqueeze(1), 1 - steps, steps)
    positions = boxes.new_empty(len(boxes), size, size, 2)
    positions[..., 0] = ((left + across * width) * 2 - 1).unsqueeze(1)
    positions[..., 1] = ((top + down * height) * 2 - 1).unsqueeze(2)
    return positions


def turn(positions: Tensor, degrees: Tensor, shift: Tensor, aspect: float = 1.0) -> Tensor:
    """Turn the sampling positions by degrees [B] about the sample's centre, then move them by shift [B, 2].

    The picture turns clockwise for positive degrees; `aspect` (W / H) keeps right angles right.
    """
    angle = degrees * (math.pi / 180)
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    x, y = positions.unbind(3)
    moved = torch.stack([cos * x + sin * y / aspect, cos * y - sin * x * aspect], dim=3)
    return moved + 2 * shift[:, None, None, :]


def resample(x: Tensor, positions: Tensor, *, outside: str = "border") -> Tensor:
    """x [B, C, H, W] at positions [B, S, S, 2] -> [B, C, S, S], bilinear.

    outside: "border" repeats the edge of the sample, so that a turn or shift shows the ground that it has there, white
    or black or textured, and no corners that tell by how much it was turned; "zeros" is black.
    """
    return F.grid_sample(x, positions, mode="bilinear", padding_mode=outside, align_corners=False)


def erase(x: Tensor, boxes: Tensor, chosen: Tensor) -> Tensor:
    """Black out the box [B, 4] (left, top, width, height) of the samples where `chosen` [B] is true.

    A pixel is erased if its centre lies in the box. x [B, C, H, W] -> the same shape, a new tensor.
    """
    height, width = x.shape[-2:]
    rows = (torch.arange(height, device=x.device) + 0.5) / height
    columns = (torch.arange(width, device=x.device) + 0.5) / width
    left, top, wide, high = boxes.unsqueeze(2).unbind(1)
    in_rows = (rows >= top) & (rows < top + high) & chosen.unsqueeze(1)
    in_columns = (columns >= left) & (columns < left + wide)
    return x.masked_fill((in_rows.unsqueeze(2) & in_columns.unsqueeze(1)).unsqueeze(1), 0.0)
