"""Counts of items, by hand."""

import math

import torch

from components.encoders.item_counts import ItemCounts, ItemCountsConfig
from components.modalities.events.config import MASK, UNKNOWN
from tests.components.objectives.histories import PACKING


def test_counts():
    found = ItemCounts(ItemCountsConfig(items=3), PACKING)(
        torch.tensor([[3, 4, 3, UNKNOWN, 9, 0], [MASK, 8, 0, 0, 0, 0]])
    )
    a, b = math.log(3), math.log(2)
    length = math.hypot(a, b)
    torch.testing.assert_close(found, torch.tensor([[a / length, b / length, 0.0], [0.0, 0.0, 0.0]]))
