"""Packed samples where they lie: all that a process must be given to read them and to make views of them.

Torch is imported where views are made: who reads rows alone need not wait for it.
Letters: B samples of a batch.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.arrays import Ints, Pixels
from components.config import Config
from components.data.packed import Packed, PackedArray
from components.modalities.image.config import ImagePacking
from components.modalities.packing import PackingConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from components.modalities.view_maker import ViewMaker


class Samples(Config):
    """The arrays of a snapshot and what is known of them."""

    packing: PackingConfig
    """What is known of them."""

    files: dict[str, Path]
    """Arrays by their names."""

    @property
    def views(self) -> "ViewMaker[Any, Any]":
        """What makes their views."""
        from components.modalities.views import build_views  # torch, 1 to 3 s

        return build_views(self.packing)

    def open(self, rows: Ints | None = None) -> Packed:
        """Map the arrays; rows=None takes all samples."""
        packed: Packed = self.packing.open(self.files, rows)
        return packed

    def images(self, rows: Ints) -> Pixels:
        """The images at places `rows` [B] of the array, uint8 [B, C, S, S], for what works on images alone: kept values
        of more bits are brought to 8 as views scale them."""
        packed = self.open()
        assert isinstance(packed, PackedArray), "images are packed as one array"
        assert isinstance(self.packing, ImagePacking)
        if self.packing.scale is None:
            return np.asarray(packed.array[rows])
        return (self.clean(rows) * 255).round().byte().numpy()

    def clean(self, rows: Ints, device: "torch.device | str" = "cpu") -> "Tensor":
        """The samples at places `rows` [B] of the arrays, as one view without augmentation."""
        import torch  # 1 to 3 s

        return self.views.clean(self.open(rows).gather(torch.arange(len(rows))).to(device))
