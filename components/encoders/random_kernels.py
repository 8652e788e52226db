"""Random convolution kernels that compete: an encoder in which nothing is trained.

Source: Hydra (Dempster, Schmidt & Webb 2023, arXiv:2203.13652; as the authors' code and aeon's HydraTransformer compute
it): g groups of k random kernels of size 9 at every dilation, half of the groups on the series and half on its
differences. At each time step the kernel of a group with the largest response wins; a feature is the sum of the
responses with which a kernel wins, and how often it has the smallest. Of many channels each group sees the sum of a
few. With `root` the square root of what is above 0, as the authors' classifier takes it (their sparse scaling is left
to the regression, which scales features itself).
Differs: time steps behind the end of a series are not counted and gaps are the mean of the channel; with `share` counts
are divided by the length of the series.
Letters: B samples, C channels, T time steps, K dilations, g groups, h = g / 2, k kernels of a group.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders.series import Scaled
from components.modalities.series.config import SeriesPacking
from components.modalities.series.views import lengths

SIZE = 9  # of a kernel
CHANNELS = 8  # most channels that a group sees
AT_ONCE = 1 << 24  # responses in memory


class RandomKernelsConfig(Config):
    """Competing random kernels. Nothing is trained: pretraining for one epoch with any objective suffices."""

    name: Literal["random_kernels"] = "random_kernels"
    """Selects random convolution kernels (Dempster et al. 2023)."""

    kernels: int = Field(default=8, ge=2)
    """Kernels k that compete in a group (published: 8)."""

    groups: int = Field(default=64, ge=2, multiple_of=2)
    """Groups g at each dilation (published: 64)."""

    dilations: PositiveInt = 16
    """Most dilations 1, 2, 4, ...; all whose kernel fits into the longest training series are used up to that."""

    root: bool = True
    """Features are square roots of counts."""

    share: bool = True
    """Counts are divided by the number of time steps, so that long and short series are alike."""

    seed: NonNegativeInt = 0
    """Seed of the kernels."""


class RandomKernels(Scaled):
    """[B, C, T] -> [B, K * 2g * k].

    weight: [2K, h * k, 9], at each dilation those on the series before those on its differences. chosen: [2K, h, c]
    int64, the channels of a group.
    """

    learnt = False
    weight: Tensor
    chosen: Tensor

    def __init__(self, config: RandomKernelsConfig, packing: SeriesPacking) -> None:
        super().__init__(packing)
        self.config, self.pairs = config, config.groups // 2
        count = min(config.dilations, dilations_of(packing.length))
        generator = torch.Generator().manual_seed(config.seed)
        weight = torch.randn(2 * count, self.pairs * config.kernels, SIZE, generator=generator)
        weight = weight - weight.mean(-1, keepdim=True)
        channels = min(max(self.channels // 2, 2), CHANNELS)
        chosen = torch.randint(self.channels, (2 * count, self.pairs, channels), generator=generator)
        self.register_buffer("weight", weight / weight.abs().sum(-1, keepdim=True))
        self.register_buffer("chosen", chosen)
        self.feature_dim = count * 2 * config.groups * config.kernels

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # a winner is one of nearly equal responses
            values, _ = self.standardised(x.float())
            count = lengths(x)
            each = max(1, AT_ONCE // (self.pairs * self.config.kernels * max(1, x.shape[2])))
            parts = zip(torch.split(values, each), torch.split(count, each), strict=True)
            return torch.cat([self._features(part, own) for part, own in parts])

    def _features(self, values: Tensor, count: Tensor) -> Tensor:
        at = torch.arange(values.shape[2], device=values.device)
        inside = (at < count.unsqueeze(1)).unsqueeze(1)
        steps = values * inside, values.diff() * inside[..., 1:]
        found = [
            self._counts(steps[kind], inside[..., kind:], place, kind)
            for place in range(len(self.weight) // 2)
            for kind in range(2)
        ]
        features = torch.cat(found, dim=1)
        if self.config.share:
            features = features / count.clamp(min=1).unsqueeze(1)
        return features.clamp(min=0).sqrt() if self.config.root else features

    def _counts(self, values: Tensor, inside: Tensor, place: int, kind: int) -> Tensor:
        """[B, 2 h k]: sums of the largest responses, then numbers of the smallest. inside: [B, 1, T] bool."""
        kernels, dilation, row = self.config.kernels, 2**place, 2 * place + kind
        size = (len(values), self.pairs, kernels)
        if values.shape[2] == 0:
            return values.new_zeros(len(values), 2 * self.pairs * kernels)
        several = self.channels > 1
        seen = values[:, self.chosen[row]].sum(dim=2) if several else values
        response = F.conv1d(
            seen,
            self.weight[row].unsqueeze(1),
            dilation=dilation,
            padding=SIZE // 2 * dilation,
            groups=self.pairs if several else 1,
        ).reshape(*size, -1)
        high, winner = response.max(dim=2)
        loser = response.argmin(dim=2)
        counted = inside.to(high.dtype).expand_as(high)
        best = high.new_zeros(size).scatter_add(2, winner, high * counted)
        worst = high.new_zeros(size).scatter_add(2, loser, counted)
        return torch.cat([best, worst], dim=1).flatten(1)


def dilations_of(length: int) -> int:
    """How many dilations 1, 2, 4, ... fit: 1 up to 16 steps, 2 from 17, 6 of 427."""
    return int(math.log2(max(length - 1, SIZE - 1) / (SIZE - 1))) + 1
