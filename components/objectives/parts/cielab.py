"""Colour as lightness and two axes of hue, and the bins that those two are told apart in.

Source: CIE 1976 L*a*b* from sRGB (IEC 61966-2-1) under D65; bins and soft codes of Zhang et al. 2016
(arXiv:1603.08511), section 2.1.
Letters: B samples, S side, M pixels, Q bins.
"""

from functools import cache

import torch
from torch import Tensor

XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)  # of linear sRGB; white is the sum of each row
KNEE = 6 / 29


def rgb_to_lab(x: Tensor) -> Tensor:
    """[..., 3, S, S] sRGB in [0, 1] -> L 0 to 100, a and b about -110 to 110; red is 53.241, 80.092, 67.203."""
    linear = torch.where(x <= 0.04045, x / 12.92, ((x.clamp_min(0) + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(XYZ, dtype=x.dtype, device=x.device)
    ratio = torch.einsum("ij,...jhw->...ihw", matrix / matrix.sum(dim=1, keepdim=True), linear)
    root = ratio.clamp_min(KNEE**3) ** (1 / 3)  # the clamp keeps the unused branch's gradient finite
    f = torch.where(ratio > KNEE**3, root, ratio / (3 * KNEE**2) + 4 / 29)
    first, middle, last = f.unbind(-3)
    return torch.stack([116 * middle - 16, 500 * (first - middle), 200 * (middle - last)], dim=-3)


@cache
def gamut(step: int) -> Tensor:
    """[Q, 2] float32: the multiples of `step` in a and b that some sRGB colour is nearest to; 261 for step 10.

    Found from 65^3 colours; 129^3 find no more at step 10. The paper counts 313.
    """
    ladder = torch.linspace(0, 1, 65)
    cube = torch.cartesian_prod(ladder, ladder, ladder).T.reshape(3, -1, 1)
    ab = rgb_to_lab(cube)[1:, :, 0].T
    bins: Tensor = torch.unique((ab / step).round(), dim=0)
    return bins * step


def soft_codes(ab: Tensor, bins: Tensor, width: float, nearest: int = 5) -> Tensor:
    """[M, 2] colours, bins [Q, 2] -> [M, Q]: Gaussian weights of the nearest bins, rows sum to 1.

    width: standard deviation of the Gaussian, in the units of a and b.
    """
    near = torch.cdist(ab, bins, compute_mode="donot_use_mm_for_euclid_dist").topk(
        min(nearest, len(bins)), dim=1, largest=False
    )
    weights = torch.softmax(-near.values.square() / (2 * width**2), dim=1)
    return torch.zeros(len(ab), len(bins), dtype=ab.dtype, device=ab.device).scatter(1, near.indices, weights)
