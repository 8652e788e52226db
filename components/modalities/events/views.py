"""Views of histories: spans, masked events, and events of a span in another order.

Source: Xie et al. 2020, "Contrastive Learning for Sequential Recommendation" (CL4SRec, arXiv:2010.14395):
item crop, item mask, item reorder, of which one is drawn for each view.
Letters: B users, T events of the longest of a batch, n events of one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import Tensor

from components.arrays import Doubles
from components.config import Config
from components.modalities.events.config import MASK, PAD, EventsPacking
from components.modalities.view_maker import Role, ViewMaker, Views


class EventsView(Config):
    """How a view of a history is made, in this order. What is not named is left as it is."""

    crop: tuple[float, float] = (1.0, 1.0)
    """Bounds of the share of a history that is kept, as one span."""

    mask: float = Field(default=0.0, ge=0, lt=1)
    """Probability that an event is hidden."""

    reorder: float = Field(default=0.0, ge=0, le=1)
    """Share of a history, as one span, whose events change places."""

    one_of: bool = False
    """Of these three one alone is done, drawn for each view, as CL4SRec does."""

    @model_validator(mode="after")
    def _ordered(self) -> "EventsView":
        low, high = self.crop
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop must be [smallest, largest] in (0, 1], got {list(self.crop)}")
        return self


PRETRAIN = EventsView(crop=(0.6, 0.6), mask=0.3, reorder=0.6, one_of=True)
LOCAL = (0.2, 0.5)  # bounds of the share of a history that a local view keeps


class EventsViews(ViewMaker[EventsPacking, EventsView]):
    """[B, T] int64: item numbers in order of time, then 0 to the length of the longest history of the batch."""

    View = EventsView
    policies = ("history",)
    usual = "history"
    encoder = "history_transformer"

    def collate(self, rows: Sequence[Doubles]) -> Tensor:
        last = [row[-self.packing.length :, 0] for row in rows]
        out = torch.zeros((len(rows), max([1, *map(len, last)])), dtype=torch.int64)
        for place, items in enumerate(last):
            out[place, : len(items)] = torch.from_numpy(items.astype("int64"))
        return out

    def clean(self, stored: Tensor) -> Tensor:
        return stored

    def augment(self, view: Tensor, how: EventsView, generator: torch.Generator) -> Tensor:
        def uniform(*shape: int) -> Tensor:
            numbers = torch.rand(len(view), *shape, generator=generator, device=generator.device)
            return numbers.to(view.device)

        few, each = uniform(4), uniform(2, self.packing.length)[:, :, : view.shape[1]]
        low, high = how.crop
        chosen = (3 * few[:, 3:]).long()  # [B, 1]: 0, 1 or 2

        def done(number: int, changed: Tensor) -> Tensor:
            return torch.where(chosen == number, changed, view) if how.one_of else changed

        if low < 1:
            view = done(0, cropped(view, low + (high - low) * few[:, :1], few[:, 1:2]))
        if how.mask:
            view = done(1, view.masked_fill((each[:, 0] < how.mask) & (view != PAD), MASK))
        if how.reorder:
            view = done(2, reordered(view, how.reorder, few[:, 2:3], each[:, 1]))
        return view

    def policy(self, name: str) -> Views[EventsView]:
        assert name == "history"
        return Views(
            weak=EventsView(crop=(0.8, 1.0)),
            strong=EventsView(crop=(0.6, 0.9), mask=0.2, reorder=0.3),
            pretrain=PRETRAIN,
        )

    def roles(
        self, given: EventsView | str | None, local: EventsView | None, patch: int = 1
    ) -> Mapping[Role, EventsView]:
        """plain: the history as it is. local: a span of .2 to .5 of it, unless given."""
        named = isinstance(given, str) and given in self.policies
        options = self.policy(str(given)).pretrain if named else given
        whole = options if isinstance(options, EventsView) else PRETRAIN
        part = local or whole.model_copy(update={"crop": LOCAL, "one_of": False})
        return {"global": whole, "plain": EventsView(), "local": part}

    def length(self, how: EventsView) -> int:
        return self.packing.length

    def blank(self, count: int) -> Tensor:
        return torch.full((count, self.packing.length), PAD)

    def baseline(self) -> dict[str, Any]:
        return {"name": "item_counts"}


def lengths(view: Tensor) -> Tensor:
    """[B, T] -> [B] int64: events of each history."""
    return (view != PAD).sum(dim=1)


def cropped(view: Tensor, share: Tensor, place: Tensor) -> Tensor:
    """The span of share * n events, rounded to 1 or more, that begins at `place` of the places there are; moved to the
    beginning, 0 behind it.

    view: [B, T]. share: [B, 1] in (0, 1]. place: [B, 1] in [0, 1). a b c d at .5, .4 gives b c.
    """
    count = lengths(view).unsqueeze(1)
    kept = torch.minimum((share * count).round().clamp(min=1).long(), count)
    first = (place * (count - kept + 1)).long()
    at = torch.arange(view.shape[1], device=view.device)
    moved = view.gather(1, (at + first).clamp(max=view.shape[1] - 1))
    return moved.masked_fill(at >= kept, PAD)


def reordered(view: Tensor, share: float, place: Tensor, numbers: Tensor) -> Tensor:
    """The events of one span of share * n, rounded down, in the order of their numbers; all others stay.

    view: [B, T]. place: [B, 1] in [0, 1), where the span begins, of the places there are. numbers: [B, T] in [0, 1).
    """
    count = lengths(view).unsqueeze(1)
    size = (share * count).floor().long()
    first = (place * (count - size + 1)).long()
    at = torch.arange(view.shape[1], device=view.device)
    inside = (at >= first) & (at < first + size)
    key = torch.where(inside, first + numbers, at.to(numbers))
    return view.gather(1, key.argsort(dim=1, stable=True))
