"""From maps or features back to images: halved sides are doubled again, step by step.

Source: enlarging by copies and then convolving, Odena et al. 2016 (doi:10.23915/distill.00003), because a
transposed convolution whose stride does not divide its kernel leaves a pattern of squares.
Letters: B samples, C channels of the image, S its side, D size of a feature or channels of a map, h side of
a map, W width.
"""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from components.encoders.base import Encoder, MapEncoder
from components.encoders.norm import BatchNorm
from components.errors import UserError

SEED = 4  # the side, at most, of the map that a single feature is spread over


class MapDecoder(nn.Module):
    """[B, D, h, h] -> [B, C, S, S], of any sign. Side 28 from 4: 4, 7, 14, 28.

    start: h. width: channels of the smallest two maps; every larger one has half as many, 16 at least.

    Raises:
        UserError: a map is larger than the image.
    """

    def __init__(self, inputs: int, channels: int, side: int, start: int, width: int = 64) -> None:
        super().__init__()
        self.sides = sides(side, start)
        widths = [width] + [max(width >> step, min(width, 16)) for step in range(len(self.sides))]
        self.first = _conv(inputs, width)
        self.steps = nn.ModuleList(_conv(inside, outside) for inside, outside in pairwise(widths))
        self.last = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        x = self.first(maps)
        for side, step in zip(self.sides, self.steps, strict=True):
            x = step(F.interpolate(x, size=(side, side)))
        image: Tensor = self.last(x)
        return image


class FeatureDecoder(nn.Module):
    """[B, D] -> [B, C, S, S], of any sign: one linear layer makes the smallest map, of side 4 or less."""

    def __init__(self, inputs: int, channels: int, side: int, width: int = 64) -> None:
        super().__init__()
        self.start = max(s for s in (side, *_halved(side)) if s <= SEED)
        self.spread = nn.Linear(inputs, width * self.start**2)
        self.body = MapDecoder(width, channels, side, self.start, width)

    def forward(self, features: Tensor) -> Tensor:
        image: Tensor = self.body(self.spread(features).unflatten(1, (-1, self.start, self.start)))
        return image


def sides(side: int, start: int) -> list[int]:
    """The sides on the way from start to side, start left out: 4 to 28 gives [7, 14, 28].

    Raises:
        UserError: start > side.
    """
    if start > side:
        raise UserError(
            "view-size-refused",
            f"a decoder enlarges: it needs a map no larger than {side} x {side}, got {start}",
        )
    return sorted(s for s in (side, *_halved(side)) if s > start)


def mapping(encoder: Encoder, name: str) -> MapEncoder:
    """The encoder, known to give maps.

    Raises:
        UserError: it gives only features.
    """
    if not isinstance(encoder, MapEncoder):
        raise UserError(
            "encoder-unsuitable",
            f"{name} needs an encoder that gives maps (a convolutional one, as resnet), got "
            f"{type(encoder).__name__}; choose such an encoder, or an objective that needs features alone",
        )
    return encoder


def _halved(side: int) -> list[int]:
    """Side halved again and again, rounded up, as convolutions of stride 2 do: 28 gives [14, 7, 4, 2, 1]."""
    found = []
    while side > 1:
        side = (side + 1) // 2
        found.append(side)
    return found


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(conv, BatchNorm(outputs), nn.ReLU(inplace=True))
