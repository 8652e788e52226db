"""Views of series: spans of it, noise, other amplitudes, hidden steps and channels, parts in another order.

Sources: jitter, scaling and permutation as in Um et al. 2017 (arXiv:1706.00527), sections 4.1 and 4.2.
Letters: B samples, C channels, T time steps of the longest of a batch, n those of one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor

from components.arrays import Floats
from components.config import Config
from components.modalities.series.config import SeriesPacking
from components.modalities.view_maker import Role, ViewMaker, Views


class SeriesView(Config):
    """How a view of a series is made, in this order. What is not named is left as it is."""

    crop: tuple[float, float] = (1.0, 1.0)
    """Bounds of the share of a series that is kept, as one span."""

    permute: NonNegativeInt = 0
    """Parts of equal length whose order is changed at random; 0: the order of time is kept."""

    scale: NonNegativeFloat = 0.0
    """Standard deviation of a factor around 1 for each channel, applied to its distance from the channel's mean."""

    jitter: NonNegativeFloat = 0.0
    """Standard deviation of Gaussian noise on each value, relative to that of its channel."""

    mask: float = Field(default=0.0, ge=0, lt=1)
    """Share of the time steps that become a gap in all channels."""

    spans: PositiveInt = 3
    """Number of the gaps of `mask`, of equal length; they may overlap."""

    drop: float = Field(default=0.0, ge=0, lt=1)
    """Probability that a channel is a gap as a whole; one channel stays."""

    @model_validator(mode="after")
    def _ordered(self) -> "SeriesView":
        low, high = self.crop
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop must be [smallest, largest] in (0, 1], got {list(self.crop)}")
        return self


UNCHANGED = SeriesView()
PRETRAIN = SeriesView(crop=(0.5, 1.0), scale=0.2, jitter=0.1, mask=0.1, drop=0.1)
LOCAL = (0.2, 0.5)  # bounds of the share of a series that a local view keeps


class SeriesViews(ViewMaker[SeriesPacking, SeriesView]):
    """[B, C, T] float32, NaN is a gap or behind the end."""

    View = SeriesView
    policies = ("sensor",)
    usual = "sensor"
    encoder = "series_conv"

    def collate(self, rows: Sequence[Floats]) -> Tensor:
        longest = max([1, *map(len, rows)])
        out = np.full((len(rows), self.packing.channels, longest), np.nan, dtype=np.float32)
        for place, row in enumerate(rows):
            out[place, :, : len(row)] = row.T
        return torch.from_numpy(out)

    def clean(self, stored: Tensor) -> Tensor:
        return stored.float()

    def augment(self, view: Tensor, how: SeriesView, generator: torch.Generator) -> Tensor:
        def uniform(*shape: int) -> Tensor:
            numbers = torch.rand(len(view), *shape, generator=generator, device=generator.device)
            return numbers.to(view.device)

        channels, steps = view.shape[1:]
        # Of the draws, so that they do not depend on the other samples.
        length = max(steps, self.packing.length)
        if how.crop[0] < 1:
            low, high = how.crop
            view = cropped(view, low + (high - low) * uniform(1), uniform(1))
        if how.permute > 1:
            view = permuted(view, uniform(how.permute))
        if how.scale:
            mean = view.new_tensor(self.packing.mean).unsqueeze(1)
            view = mean + (view - mean) * (1 + how.scale * normal(uniform(channels, 1)))
        if how.jitter:
            std = view.new_tensor(self.packing.std).unsqueeze(1)
            view = view + how.jitter * std * normal(uniform(channels, length))[..., :steps]
        if how.mask:
            view = hidden(view, how.mask, uniform(how.spans), uniform(1))
        if how.drop and channels > 1:
            view = torch.where(dropped(uniform(channels), how.drop).unsqueeze(2), torch.nan, view)
        return view

    def policy(self, name: str) -> Views[SeriesView]:
        assert name == "sensor"
        return Views(
            weak=SeriesView(scale=0.05, jitter=0.05),
            strong=SeriesView(crop=(0.7, 1.0), scale=0.2, jitter=0.1, mask=0.1, drop=0.1),
            pretrain=PRETRAIN,
        )

    def roles(
        self, given: SeriesView | str | None, local: SeriesView | None, patch: int = 1
    ) -> Mapping[Role, SeriesView]:
        """plain: without any change. local: as the global ones, of a fifth to half of the series, unless given."""
        named = isinstance(given, str) and given in self.policies
        options = self.policy(str(given)).pretrain if named else given
        whole = options if isinstance(options, SeriesView) else PRETRAIN
        return {
            "global": whole,
            "plain": UNCHANGED,
            "local": local or whole.model_copy(update={"crop": LOCAL}),
        }

    def length(self, how: SeriesView) -> int:
        return self.packing.length

    def blank(self, count: int) -> Tensor:
        return torch.full((count, self.packing.channels, self.packing.length), torch.nan)

    def baseline(self) -> dict[str, Any]:
        return {"name": "random_kernels"}


def normal(uniform: Tensor) -> Tensor:
    """Uniform in [0, 1) -> standard normal."""
    found: Tensor = torch.special.ndtri(uniform.clamp(1e-7, 1 - 1e-7))
    return found


def lengths(view: Tensor) -> Tensor:
    """[B, C, T] -> [B] int64: time steps up to the last that has a value in any channel; 0 where none has."""
    there = (~view.isnan()).any(dim=1)
    places = torch.arange(1, view.shape[2] + 1, device=view.device)
    found: Tensor = (there * places).amax(dim=1)
    return found


def cropped(view: Tensor, share: Tensor, place: Tensor) -> Tensor:
    """The span of share * n steps, rounded to 2 or more, that begins at `place` of the places there are; moved to the
    beginning, NaN behind it.

    view: [B, C, T]. share: [B, 1] in (0, 1]. place: [B, 1] in [0, 1). a b c d at .5, .4 gives b c.
    """
    count = lengths(view).unsqueeze(1)
    kept = torch.minimum((share * count).round().clamp(min=2).long(), count)
    first = (place * (count - kept + 1)).long()
    return shifted(view, first, kept)


def shifted(view: Tensor, first: Tensor, kept: Tensor) -> Tensor:
    """`kept` steps from `first` on, NaN behind them. view: [B, C, T]. first, kept: [B, 1] int64."""
    at = torch.arange(view.shape[2], device=view.device)
    source = (at + first).clamp(max=max(0, view.shape[2] - 1))
    moved = view.gather(2, source.unsqueeze(1).expand_as(view))
    return moved.masked_fill((at >= kept).unsqueeze(1), torch.nan)


def permuted(view: Tensor, numbers: Tensor) -> Tensor:
    """Parts of n / P steps in the order of their numbers [B, P]; what is behind the end stays there.

    a b c d with numbers (.9, .1) gives c d a b.
    """
    parts = numbers.shape[1]
    count = lengths(view).unsqueeze(1)
    at = torch.arange(view.shape[2], device=view.device)
    part = (at * parts // count.clamp(min=1)).clamp(max=parts - 1)  # [B, T]
    rank = numbers.argsort(dim=1).argsort(dim=1).gather(1, part)
    key = torch.where(at < count, rank * view.shape[2] + at, parts * view.shape[2] + at)
    order = key.argsort(dim=1, stable=True)
    return view.gather(2, order.unsqueeze(1).expand_as(view))


def hidden(view: Tensor, share: float, begin: Tensor, extra: Tensor) -> Tensor:
    """NaN in S spans of share * n / S steps each, rounded up or down by `extra` [B, 1]; one step of a sample stays at
    least. begin: [B, S] in [0, 1), where each begins."""
    count = lengths(view).unsqueeze(1)
    size = (share * count / begin.shape[1] + extra).floor().long()  # [B, 1]
    size = torch.minimum(size, (count - 1).clamp(min=0) // begin.shape[1])
    first = (begin * (count - size + 1)).long()  # [B, S]
    at = torch.arange(view.shape[2], device=view.device)
    inside = (at >= first.unsqueeze(2)) & (at < (first + size).unsqueeze(2))  # [B, S, T]
    return view.masked_fill(inside.any(dim=1).unsqueeze(1), torch.nan)


def dropped(numbers: Tensor, share: float) -> Tensor:
    """[B, C] in [0, 1) -> bool: those below `share`, but never the one of the highest number."""
    return (numbers < share) & (numbers < numbers.amax(dim=1, keepdim=True))
