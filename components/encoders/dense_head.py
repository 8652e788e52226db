"""From the maps of an encoder to the scores of each pixel: a light decoder.

Source: the top-down path of Lin et al. 2017 (arXiv:1612.03144), 1x1 convolutions on maps of several strides, added from
coarse to fine, and beside it one convolution on the pixels themselves, for edges that the finest map is too coarse for.
Letters: B samples, C channels, S side in pixels, K classes, W width, D_k and h_k channels and side of the k-th map.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.encoders.base import MapEncoder
from components.encoders.norm import BatchNorm

FINE = 16  # channels at the side of the image, where convolutions cost most


class DenseHead(nn.Module):
    """Pixels [B, C, S, S] and maps [B, D_k, h_k, h_k] of falling side -> scores [B, K, S, S].

    channels: C. depths: D_k of the maps.
    """

    def __init__(self, channels: int, depths: Sequence[int], classes: int, width: int = 48) -> None:
        super().__init__()
        self.fine = _conv(channels, FINE, 3)
        self.sides = nn.ModuleList(
            nn.Sequential(nn.Conv2d(depth, width, 1, bias=False), BatchNorm(width)) for depth in depths
        )
        self.smooth = nn.ModuleList(_conv(width, width, 3) for _ in depths)
        self.narrow = _conv(width, FINE, 1)
        self.join = _conv(2 * FINE, FINE, 3)
        self.last = nn.Conv2d(FINE, classes, 1)

    def forward(self, pixels: Tensor, maps: Sequence[Tensor]) -> Tensor:
        top: Tensor | None = None
        for side, smooth, found in reversed(list(zip(self.sides, self.smooth, maps, strict=True))):
            here = side(found)
            top = smooth(here if top is None else here + upsampled(top, here.shape[-1]))
        assert top is not None, "an encoder gives one map or more"
        coarse = upsampled(self.narrow(top), pixels.shape[-1])
        joined = self.join(torch.cat([coarse, self.fine(pixels)], dim=1))
        scores: Tensor = self.last(joined)
        return scores


def dense_head(encoder: MapEncoder, classes: int, width: int = 48) -> DenseHead:
    """A head for this encoder, of random start."""
    return DenseHead(encoder.channels, depths_of(encoder), classes, width)


@torch.no_grad()
def depths_of(encoder: MapEncoder) -> list[int]:
    """D_k of the maps that an encoder gives, by trying it on a blank image; the encoder stays as it is."""
    training, side = encoder.training, 2 * encoder.reduction
    blank = torch.zeros(1, encoder.channels, side, side, device=encoder.mean.device)
    found = [part.shape[1] for part in encoder.eval().pyramid(blank)]
    encoder.train(training)
    return found


def scores_of(
    encoder: MapEncoder, head: DenseHead, x: Tensor, *, frozen: bool = False
) -> tuple[Tensor, Tensor]:
    """[B, C, S, S] in [0, 1] -> scores [B, K, S, S] and the last map [B, D, h, h].

    Sides that the encoder cannot halve often enough are continued by their edge, and the scores cut to S again, so that
    maps of all strides lie on the same pixels.

    frozen: the encoder gets no gradient.
    """
    side = x.shape[-1]
    rest = -side % encoder.reduction
    whole = F.pad(x, (0, rest, 0, rest), mode="replicate") if rest else x
    with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
        maps = encoder.pyramid(whole)
    scores = head(encoder.standardised(whole), maps)
    return scores[..., :side, :side], maps[-1]


def upsampled(x: Tensor, side: int) -> Tensor:
    """[B, D, h, h] -> [B, D, side, side], bilinear."""
    if x.shape[-1] == side:
        return x
    return F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, BatchNorm(outputs), nn.ReLU(inplace=True))
