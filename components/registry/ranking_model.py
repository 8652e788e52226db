"""The model of the task ranking: scores of all items for a history, by the encoder or by a simple model.

Of the encoder the score of an item is the product of what stands at the end of the history with the item's embedding.
Simple models (components.evaluation.ranking.simple) are arrays among the weights. A history without a known item is
that of a new user: items are ranked by popularity.
Letters: B users, T events, V items, J neighbours, K recommended items, D feature width.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import PositiveInt
from torch import Tensor

from components.encoders.history_transformer import HistoryTransformer
from components.modalities.events.config import FIRST, PAD, EventsPacking
from components.registry.served import Description, Found, Served

Method = Literal["encoder", "popularity", "recency", "transitions", "item_knn", "ease"]


class RankingDescription(Description):
    """What model.json holds."""

    task: Literal["ranking"] = "ranking"
    """Selects this kind of model."""

    method: Method
    """What the scores come from."""

    repeats: bool
    """Whether an item that is in the history may be recommended again."""

    top: PositiveInt
    """Items that are recommended."""

    shapes: dict[str, tuple[int, ...]]
    """The arrays of a simple model."""


class RankingModel(Served):
    """[B, T] -> items [B, K] int64, best [B, K] scores, popularity [B] of the first, features [B, D]. popular: [V]
    share of the users who had an item."""

    Config = RankingDescription
    outputs: ClassVar[Mapping[str, str]] = {"items": "texts", "scores": "numbers", "embedding": "numbers"}
    popular: Tensor

    def __init__(self, config: RankingDescription) -> None:
        super().__init__(config)
        self.config = config
        packing = config.packing
        assert isinstance(packing, EventsPacking), "histories are packed as such"
        self.names: Sequence[str] = packing.items
        self.register_buffer("popular", torch.zeros(len(self.names)))
        for name, shape in config.shapes.items():
            kind = torch.int64 if name == "near" else torch.float32
            self.register_buffer(name, torch.zeros(shape, dtype=kind))

    def fill(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take the arrays of a simple model, and `popular`."""
        for name, value in arrays.items():
            own = self.get_buffer(name)
            own.copy_(torch.from_numpy(np.ascontiguousarray(value)).to(own.dtype))

    def scores(self, x: Tensor, features: Tensor | None = None) -> Tensor:
        """[B, T] -> [B, V]; -inf for an item that is not to be recommended. features: of the encoder, if known."""
        known = x >= FIRST
        found = self._scores(x, known, self.encoder(x) if features is None else features)
        found = torch.where(known.any(dim=1, keepdim=True), found, self.popular)
        if not self.config.repeats:
            had = torch.zeros(len(x), len(self.names) + 1, dtype=torch.bool, device=x.device)
            had.scatter_(1, torch.where(known, x - FIRST, len(self.names)), True)
            found = found.masked_fill(had[:, :-1], -torch.inf)
        return found

    def _scores(self, x: Tensor, known: Tensor, features: Tensor) -> Tensor:
        method, size = self.config.method, len(self.names)
        if method == "encoder":
            assert isinstance(self.encoder, HistoryTransformer), "the encoder is one of histories"
            return features @ self.encoder.items.T
        found = torch.zeros(len(x), size, device=x.device)
        if "prior" in self.config.shapes:
            found = found + self.get_buffer("prior")
        if method == "ease":
            counts = torch.zeros(len(x), size + 1, device=x.device)
            counts.scatter_(1, torch.where(known, x - FIRST, size), 1.0)
            return found + counts[:, :-1] @ self.get_buffer("full")
        if "near" in self.config.shapes:
            sources = distinct(x) if method == "item_knn" else last_known(x)
            return found + self._neighbours(sources, size)
        return found

    def _neighbours(self, sources: Tensor, size: int) -> Tensor:
        """[B, V] sums of the weights of the neighbours of the items [B, S] (numbers; below FIRST there is none)."""
        near, weight = self.get_buffer("near"), self.get_buffer("weight")
        out = torch.zeros(len(sources), size, device=sources.device)
        for column in sources.T:
            there = column >= FIRST
            rows = (column - FIRST).clamp(min=0)
            out.scatter_add_(1, near[rows], weight[rows] * there.unsqueeze(1))
        return out

    def see(self, x: Tensor) -> dict[str, Tensor]:
        features = self.encoder(x)
        scores = self.scores(x, features)
        best, order = scores.sort(dim=1, descending=True, stable=True)
        count = min(self.config.top, len(self.names))
        best, items = best[:, :count], order[:, :count]
        place = self.popular.sort().values
        rank = torch.searchsorted(place, self.popular[items[:, 0]].contiguous()) / max(1, len(place) - 1)
        return {"items": items, "best": best, "popularity": rank.float(), "features": features.float()}

    def columns(self, found: Found) -> dict[str, list[Any]]:
        names, scores = self.recommended(found)
        return {"items": names, "scores": scores, "embedding": found["features"].tolist()}

    def recommended(self, found: Found) -> tuple[list[list[str]], list[list[float]]]:
        """Names and scores of the recommended items, fewer where a user had nearly all."""
        there = np.isfinite(found["best"])
        names = [
            [self.names[item] for item in items[own]]
            for items, own in zip(found["items"], there, strict=True)
        ]
        return names, [best[own].tolist() for best, own in zip(found["best"], there, strict=True)]

    def disagreement(
        self, found: Mapping[str, Sequence[Any]], expected: Mapping[str, Sequence[Any]]
    ) -> float:
        """Largest difference of a score at one place of a list; infinite where lists have different lengths."""
        ours, theirs = list(found["scores"]), list(expected["scores"])
        if len(ours) != len(theirs):
            return math.inf
        largest = 0.0
        for one, other in zip(ours, theirs, strict=True):
            if one is None or other is None or len(one) != len(other):
                return math.inf
            largest = max([largest, *(abs(a - b) for a, b in zip(one, other, strict=True))])
        return largest


def distinct(x: Tensor) -> Tensor:
    """[B, T] with each item of a history once, 0 in place of its repetitions; in order of the numbers."""
    ordered = x.sort(dim=1).values
    again = torch.zeros_like(ordered, dtype=torch.bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    return ordered.masked_fill(again, PAD)


def last_known(x: Tensor) -> Tensor:
    """[B, 1] the last known item of each history, a number below FIRST where there is none."""
    place = torch.arange(1, x.shape[1] + 1, device=x.device) * (x >= FIRST)
    return x.gather(1, (place.amax(dim=1, keepdim=True) - 1).clamp(min=0))


def described(arrays: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, tuple[int, ...]]:
    """The shapes of a simple model's arrays."""
    return {name: tuple(value.shape) for name, value in arrays.items()}
