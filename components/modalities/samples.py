"""Packed samples where they lie: all that a process must be given to read them and to make views of them.

Letters: B samples of a batch.
"""

from pathlib import Path

import torch
from torch import Tensor

from components.arrays import Ints
from components.config import Config
from components.data.packed import Packed
from components.modalities.packing import PackingConfig
from components.modalities.view_maker import ViewMaker
from components.modalities.views import build_views


class Samples(Config):
    """The arrays of a snapshot and what is known of them."""

    packing: PackingConfig
    """What is known of them."""

    files: dict[str, Path]
    """Arrays by their names."""

    @property
    def views(self) -> ViewMaker:
        """What makes their views."""
        return build_views(self.packing)

    def open(self, rows: Ints | None = None) -> Packed:
        """Map the arrays; rows=None takes all samples."""
        return self.views.open(self.files, rows)

    def clean(self, rows: Ints, device: torch.device | str = "cpu") -> Tensor:
        """The samples at places `rows` [B] of the arrays, as one view without augmentation."""
        return self.views.clean(self.open(rows).gather(torch.arange(len(rows))).to(device))
