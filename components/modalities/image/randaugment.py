"""RandAugment and Cutout: each sample of a batch goes through its own operations, drawn from one list.

Source: Cubuk et al. 2020 (arXiv:1909.13719); strengths drawn anew for each sample as in FixMatch (arXiv:
2001.07685, appendix D, table 12), whose ranges these are; Cutout: DeVries & Taylor 2017 (arXiv:1708.04552),
after the operations as there.
Letters: B samples, C channels, H x W pixels, O operations one after another. Strengths u are [B] in [0, 1).

Each operation takes what a sample is in [0, 1] and the strength, and answers for all given samples at once; a
sample passes through the chosen ones only. What Pillow computes on bytes is computed here on floats, so results
agree to one step of 1/255 or two. Differs: without three channels `colour` changes nothing; black is what a
shift or turn shows that is not there (grey in FixMatch); bilinear instead of nearest.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from components.modalities.image import colour, geometry

Operation = Callable[[Tensor, Tensor], Tensor]  # (x [B, C, H, W], u [B]) -> [B, C, H, W]

SMOOTH = ((1.0, 1.0, 1.0), (1.0, 5.0, 1.0), (1.0, 1.0, 1.0))  # Pillow's SMOOTH, divided by its sum


def identity(x: Tensor, u: Tensor) -> Tensor:
    return x


def autocontrast(x: Tensor, u: Tensor) -> Tensor:
    """Each channel stretched over [0, 1]; a flat one stays."""
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    flat = high - low < 1e-6
    return torch.where(flat, x, (x - low) / (high - low).clamp(min=1e-6))


def equalize(x: Tensor, u: Tensor) -> Tensor:
    """Each channel's 256 values made equally frequent, as far as equal values allow."""
    levels = (x * 255).round().long().clamp(0, 255).flatten(2)  # [B, C, P]
    counts = torch.zeros(*levels.shape[:2], 256, device=x.device, dtype=torch.long)
    counts.scatter_add_(2, levels, torch.ones_like(levels))
    last = counts.gather(2, levels.amax(dim=2, keepdim=True))
    step = (levels.shape[2] - last).div(255, rounding_mode="floor")  # [B, C, 1]
    before = counts.cumsum(dim=2) - counts
    table = ((before + step.div(2, rounding_mode="floor")) // step.clamp(min=1)).clamp(max=255)
    found = torch.where(step == 0, levels, table.gather(2, levels))
    return (found.to(x.dtype) / 255).view_as(x)


def posterize(x: Tensor, u: Tensor) -> Tensor:
    """The highest 4 to 8 bits of a value are kept."""
    bits = 4 + (u * 5).floor().clamp(max=4)
    unit = (2 ** (8 - bits)).reshape(-1, 1, 1, 1)
    return ((x * 255).round() / unit).floor() * unit / 255


def solarize(x: Tensor, u: Tensor) -> Tensor:
    """Values at or above the threshold u inverted."""
    return colour.solarise(x, u)


def brightness(x: Tensor, u: Tensor) -> Tensor:
    """Factor .05 to .95, as all three of these."""
    return colour.brightness(x, _factor(u))


def contrast(x: Tensor, u: Tensor) -> Tensor:
    return colour.contrast(x, _factor(u))


def saturation(x: Tensor, u: Tensor) -> Tensor:
    return colour.saturation(x, _factor(u))


def sharpness(x: Tensor, u: Tensor) -> Tensor:
    """Between the smoothed sample (0) and itself (1); the outermost pixels are never smoothed."""
    channels = x.shape[1]
    kernel = torch.tensor(SMOOTH, device=x.device, dtype=x.dtype) / 13
    inner = F.conv2d(x, kernel.expand(channels, 1, 3, 3), groups=channels)
    smooth = x.clone()
    smooth[:, :, 1:-1, 1:-1] = inner
    return torch.lerp(smooth, x, _factor(u).reshape(-1, 1, 1, 1))


def rotate(x: Tensor, u: Tensor) -> Tensor:
    """Up to 30 degrees either way."""
    nothing = torch.zeros(len(x), 2, device=x.device, dtype=x.dtype)
    return _resampled(x, lambda p: geometry.turn(p, _either(u, 30.0), nothing, x.shape[3] / x.shape[2]))


def shear_x(x: Tensor, u: Tensor) -> Tensor:
    """Rows shifted in proportion to their height, up to .3 either way."""
    return _resampled(x, lambda p: _sheared(p, _either(u, 0.3) * x.shape[2] / x.shape[3], 0))


def shear_y(x: Tensor, u: Tensor) -> Tensor:
    return _resampled(x, lambda p: _sheared(p, _either(u, 0.3) * x.shape[3] / x.shape[2], 1))


def translate_x(x: Tensor, u: Tensor) -> Tensor:
    """Up to .3 of the side either way."""
    return _resampled(x, lambda p: _shifted(p, _either(u, 0.3), 0))


def translate_y(x: Tensor, u: Tensor) -> Tensor:
    return _resampled(x, lambda p: _shifted(p, _either(u, 0.3), 1))


OPERATIONS: tuple[Operation, ...] = (
    identity, autocontrast, equalize, posterize, solarize, brightness, contrast, saturation, sharpness,
    rotate, shear_x, shear_y, translate_x, translate_y,
)  # fmt: skip


def randaugment(x: Tensor, chosen: Tensor, strengths: Tensor) -> Tensor:
    """Operation after operation, each sample its own.

    Args:
        x: [B, C, H, W] in [0, 1]. chosen, strengths: [O, B] in [0, 1); chosen picks evenly from the list.

    Returns:
        [B, C, H, W] in [0, 1], a new tensor.
    """
    x = x.clone()
    for pick, u in zip(chosen, strengths.to(x.dtype), strict=True):
        numbers = (pick * len(OPERATIONS)).long().clamp(max=len(OPERATIONS) - 1)
        for number, operation in enumerate(OPERATIONS[1:], start=1):
            mine = (numbers == number).nonzero().squeeze(1)
            if len(mine):
                x[mine] = operation(x[mine], u[mine]).clamp(0, 1)
    return x


def cutout(x: Tensor, share: Tensor, left: Tensor, top: Tensor) -> Tensor:
    """A square of share [B] of the shorter side made grey (.5), its centre anywhere: (left, top) [B] in [0, 1)."""
    height, width = x.shape[2:]
    side = (share * min(height, width)).unsqueeze(1)
    rows, columns = (torch.arange(n, device=x.device, dtype=x.dtype) + 0.5 for n in (height, width))
    inside_y = (rows - (top * height).unsqueeze(1)).abs() * 2 < side
    inside_x = (columns - (left * width).unsqueeze(1)).abs() * 2 < side
    return x.masked_fill((inside_y.unsqueeze(2) & inside_x.unsqueeze(1)).unsqueeze(1), 0.5)


def _factor(u: Tensor) -> Tensor:
    return 0.05 + 0.9 * u


def _either(u: Tensor, reach: float) -> Tensor:
    return (2 * u - 1) * reach


def _resampled(x: Tensor, moved: Callable[[Tensor], Tensor]) -> Tensor:
    height, width = x.shape[2:]
    y, across = ((torch.arange(n, device=x.device, dtype=x.dtype) + 0.5) * 2 / n - 1 for n in (height, width))
    positions = torch.stack(torch.meshgrid(y, across, indexing="ij")[::-1], dim=2)
    return geometry.resample(x, moved(positions.expand(len(x), -1, -1, -1)), outside="zeros")


def _sheared(positions: Tensor, amount: Tensor, axis: int) -> Tensor:
    """Positions along `axis` (0 x, 1 y) moved by amount [B] times the other coordinate."""
    moved = positions.clone()
    moved[..., axis] += amount.reshape(-1, 1, 1) * positions[..., 1 - axis]
    return moved


def _shifted(positions: Tensor, amount: Tensor, axis: int) -> Tensor:
    moved = positions.clone()
    moved[..., axis] += 2 * amount.reshape(-1, 1, 1)
    return moved
