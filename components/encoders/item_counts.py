"""Which items a history holds: the features of the baseline for event histories.

Letters: B users, T events, V items.
"""

from typing import Literal

import torch
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.modalities.events.config import FIRST, EventsPacking


class ItemCountsConfig(Config):
    """Counts of items, of which nothing is trained."""

    name: Literal["item_counts"] = "item_counts"
    """Selects counts of items."""

    items: int = 4096
    """Items that are counted, the most frequent ones."""


class ItemCounts(Encoder):
    """[B, T] -> [B, V]: log(1 + count) of each item, of length 1; 0 for a history without any of them."""

    modality = "events"
    learnt = False

    def __init__(self, config: ItemCountsConfig, packing: EventsPacking) -> None:
        super().__init__(packing)
        self.feature_dim = min(config.items, len(packing.items))

    def forward(self, view: Tensor) -> Tensor:
        counts = torch.zeros(len(view), self.feature_dim + 1, device=view.device)
        place = (view - FIRST).clamp(min=-1, max=self.feature_dim)
        place = place.masked_fill(place < 0, self.feature_dim)  # what is not counted
        counts.scatter_add_(1, place, torch.ones_like(place, dtype=counts.dtype))
        return torch.nn.functional.normalize(counts[:, :-1].log1p(), dim=1)
