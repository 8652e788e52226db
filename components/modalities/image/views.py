"""Views of images, bound to the interface of modalities.

Sources of the local views: SwAV (arXiv:2006.09882, section 3.2) and DINO (arXiv:2104.14294, section 3.1): views of 96
pixels beside global ones of 224, whose areas meet where the global ones' begin: .05 to .14 and .14 to 1 in SwAV, up
to .25 (.4 in the published code) in DINO. Here the same with the recipe's global views, at half their side.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from components.arrays import Pixels
from components.modalities.image.augment import ViewConfig, augment
from components.modalities.image.config import ImagePacking
from components.modalities.image.policies import POLICIES, views
from components.modalities.view_maker import Role, ViewMaker, Views

# Areas of local views, as shares of the image's; DINO's published code has these bounds.
SMALLEST, LARGEST = 0.05, 0.4
UNCHANGED: dict[str, Any] = {
    "jitter": 0.0, "grayscale": 0.0, "blur": 0.0, "solarise": 0.0, "erase": 0.0, "randaugment": 0, "cutout": 0.0,
}  # fmt: skip


class ImageViews(ViewMaker[ImagePacking, ViewConfig]):
    """[B, C, S, S] float in [0, 1]."""

    View = ViewConfig
    policies = POLICIES
    usual = "upright"
    symmetries = True
    encoder = "resnet"

    def __init__(self, packing: ImagePacking) -> None:
        super().__init__(packing)

    def collate(self, rows: Sequence[Pixels]) -> Tensor:
        return torch.from_numpy(np.stack(rows))

    def clean(self, stored: Tensor) -> Tensor:
        if self.packing.scale is None:
            return stored.float() / 255
        low, high = torch.tensor(self.packing.scale, device=stored.device).T[..., None, None]
        scaled: Tensor = (stored.float() - low) / (high - low)
        return scaled.clamp_(0, 1)

    def augment(self, view: Tensor, how: ViewConfig, generator: torch.Generator) -> Tensor:
        return augment(view, how, generator)

    def policy(self, name: str) -> Views[ViewConfig]:
        return views(name, self.packing.size, self.packing.channels)

    def roles(
        self, given: ViewConfig | str | None, local: ViewConfig | None, patch: int = 1
    ) -> Mapping[Role, ViewConfig]:
        """global: of the side of the data unless its options name one. plain: the same without all that changes values.
        local: of half the global side, rounded down to whole patches, unless its options name one; without options as
        the global ones, but with an area from .05 to where the global views' begins (.4 at most).

        A ViewConfig(size=28) of scale (.2, 1) and a patch of 4 give local views of 12 pixels and scale (.05, .2).
        """
        named = isinstance(given, str) and given in POLICIES
        options = self.policy(str(given)).pretrain if named else given
        whole = _sized(options if isinstance(options, ViewConfig) else ViewConfig(), self.packing.size)
        half = max(1, whole.size // 2 // patch) * patch
        if local is None:
            begins = whole.scale[0]
            area = (min(SMALLEST, begins), min(LARGEST, begins))
            local = whole.model_copy(update={"size": half, "scale": area})
        return {
            "global": whole,
            "plain": whole.model_copy(update=UNCHANGED),
            "local": _sized(local, half),
        }

    def length(self, how: ViewConfig) -> int:
        return how.size

    def blank(self, count: int) -> Tensor:
        size = self.packing.size
        return torch.zeros(count, self.packing.channels, size, size)

    def baseline(self) -> dict[str, Any]:
        return {"name": "pixels", "side": min(self.packing.size, 32)}


def _sized(config: ViewConfig, size: int) -> ViewConfig:
    """The view with this side, where its options name none."""
    return config if "size" in config.model_fields_set else config.model_copy(update={"size": size})
