"""What a view does to values: brightness, contrast, saturation, hue, gamma, grey, solarise, blur.

Source: the colour distortion of SimCLR (appendix A of arXiv:2002.05709).
Letters: B samples, C channels, H x W pixels. Every parameter is [B], one a sample.

Brightness, contrast, saturation and hue are one affine map of colour here. Hue turns the chroma plane of YIQ,
saturation scales it, and neither changes the luma Y; contrast scales about the mean luma. So the four
commute, grey is saturation 0, and `jitter` applies all in one product of matrices.
Differs from torchvision: it turns the H of HSV (which changes Y), keeps values in [0, 1] after each operation
and draws their order; here values are clamped once at the end and there is no order that could matter.
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, the Y of YIQ; sums to 1
YIQ = (LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))


def jitter(x: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor) -> Tensor:
    """All four in one pass over the pixels; not clamped.

    Args:
        x: [B, C, H, W]. Unless C = 3, saturation and hue are skipped, and contrast is about each channel's own mean.
        brightness, contrast, saturation: [B] factors; 1 changes nothing. hue: [B] turns; 0 or 1 changes
        nothing.

    Returns:
        [B, C, H, W], a new tensor.
    """
    gain = brightness * contrast
    samples, channels = x.shape[:2]
    pixels = x.reshape(samples, channels, -1)
    means = pixels.mean(dim=2)  # [B, C]
    offset = brightness * (1 - contrast)
    if channels != 3:
        middle = (offset.unsqueeze(1) * means)[..., None, None]
        return torch.addcmul(middle, x, gain.reshape(-1, 1, 1, 1))
    middle = offset * (means @ _plane(x.dtype, x.device)[0][0])
    matrix = gain.reshape(-1, 1, 1) * chroma(saturation, hue)
    return torch.baddbmm(middle.reshape(-1, 1, 1).expand(-1, 3, 1), matrix, pixels).view(x.shape)


def chroma(saturation: Tensor, hue: Tensor) -> Tensor:
    """[B, 3, 3] maps of RGB: chroma scaled by saturation [B] and turned by hue [B] turns, luma kept."""
    luma, plain, turned = _plane(saturation.dtype, saturation.device)
    angle = hue.reshape(-1, 1, 1) * (2 * math.pi)
    return luma + saturation.reshape(-1, 1, 1) * (angle.cos() * plain + angle.sin() * turned)


@cache
def _plane(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """[3, 3] maps of RGB: to its luma, to the chroma beside it, and to that chroma a quarter turn on."""
    to = torch.tensor(YIQ, dtype=torch.float64)
    back = to.inverse()
    luma = back[:, :1] * to[:1]
    turned = back[:, 2:] * to[1:2] - back[:, 1:2] * to[2:]
    maps = torch.stack([luma, torch.eye(3, dtype=torch.float64) - luma, turned]).to(device, dtype)
    return maps[0], maps[1], maps[2]


def brightness(x: Tensor, factor: Tensor) -> Tensor:
    """x times factor [B]; 1 changes nothing. Not clamped."""
    return x * factor.reshape(-1, 1, 1, 1)


def contrast(x: Tensor, factor: Tensor) -> Tensor:
    """Distance from the sample's mean luma times factor [B]; 1 changes nothing, 0 is flat. Not clamped."""
    one = torch.ones_like(factor)
    return jitter(x, one, factor, one, torch.zeros_like(factor))


def saturation(x: Tensor, factor: Tensor) -> Tensor:
    """Distance of a pixel from its own luma times factor [B]; 1 changes nothing, 0 is grey. Not clamped."""
    one = torch.ones_like(factor)
    return jitter(x, one, one, factor, torch.zeros_like(factor))


def hue(x: Tensor, turns: Tensor) -> Tensor:
    """Colours turned by turns [B] of a whole circle in the chroma plane of YIQ; luma kept. Not clamped."""
    one = torch.ones_like(turns)
    return jitter(x, one, one, one, turns)


def grayscale(x: Tensor, chosen: Tensor) -> Tensor:
    """Luma in all three channels of the samples where chosen [B] is true; one channel stays as it is."""
    return saturation(x, 1 - chosen.to(x.dtype))


def gamma(x: Tensor, exponent: Tensor) -> Tensor:
    """x ** exponent [B] for x in [0, 1]; 1 changes nothing, larger darkens."""
    return x.pow(exponent.reshape(-1, 1, 1, 1))


def solarise(x: Tensor, threshold: Tensor) -> Tensor:
    """Values at or above threshold [B] inverted; a threshold above 1 changes nothing."""
    return torch.where(x >= threshold.reshape(-1, 1, 1, 1), 1 - x, x)


def blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of sigma [B] pixels; 0 changes nothing. Cut off at 5 % of the side, at least 1 pixel.

    Separable, as sums of shifted copies: with one kernel a sample that is several times faster on the CPU
    than a grouped convolution or banded matrices. The edge is mirrored.
    """
    for dim in (2, 3):
        side = x.shape[dim]
        radius = min(max(1, round(0.05 * side)), side - 1)
        steps = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
        weights = torch.exp(steps.square() / (-2 * sigma.clamp(min=1e-3).square()).unsqueeze(1))
        weights = (weights / weights.sum(dim=1, keepdim=True)).reshape(len(x), -1, 1, 1, 1)
        wide = F.pad(x, (radius, radius, 0, 0) if dim == 3 else (0, 0, radius, radius), mode="reflect")
        x = wide.narrow(dim, 0, side) * weights[:, 0]
        for k in range(1, 2 * radius + 1):
            x = torch.addcmul(x, wide.narrow(dim, k, side), weights[:, k])
    return x
