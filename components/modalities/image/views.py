"""Views of images, bound to the interface of modalities."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from components.arrays import Ints, Pixels
from components.augmentations.image import ViewConfig, augment
from components.augmentations.policies import POLICIES, views
from components.data.packed import PackedArray
from components.modalities.image.config import ARRAY, ImagePacking
from components.modalities.view_maker import ViewMaker, Views


class ImageViews(ViewMaker[ImagePacking, ViewConfig]):
    """[B, C, S, S] float in [0, 1]."""

    View = ViewConfig
    policies = POLICIES
    usual = "upright"

    def __init__(self, packing: ImagePacking) -> None:
        super().__init__(packing)

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedArray:
        return PackedArray.open(files[ARRAY], rows)

    def collate(self, rows: Sequence[Pixels]) -> Tensor:
        return torch.from_numpy(np.stack(rows))

    def clean(self, stored: Tensor) -> Tensor:
        return stored.float() / 255

    def augment(self, view: Tensor, how: ViewConfig, generator: torch.Generator) -> Tensor:
        return augment(view, how, generator)

    def policy(self, name: str) -> Views[ViewConfig]:
        return views(name, self.packing.size, self.packing.channels)

    def baseline(self) -> dict[str, Any]:
        return {"name": "pixels", "side": min(self.packing.size, 32)}
