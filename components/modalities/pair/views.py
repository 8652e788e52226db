"""Views of pairs, bound to the interface of modalities: the view of the image and of the caption in one row.

Letters: B samples, C channels, S side of the view in pixels, T most tokens of a caption.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from components.config import Config
from components.modalities.image.augment import ViewConfig
from components.modalities.image.policies import POLICIES
from components.modalities.image.views import ImageViews
from components.modalities.pair.config import PairPacking
from components.modalities.text.augment import TextView
from components.modalities.text.views import TextViews
from components.modalities.view_maker import Role, ViewMaker, Views


class PairView(Config):
    """How a view of a pair is made."""

    image: ViewConfig = ViewConfig()
    """How the view of the image is made."""

    text: TextView = TextView()
    """How the view of the caption is made."""


class SeenPair(NamedTuple):
    """image: [B, C, S, S] float in [0, 1]. text: [B, T] int64, 0 is padding."""

    image: Tensor
    text: Tensor


def seen_pair(view: Tensor, packing: PairPacking) -> SeenPair:
    """A view [B, C S S + T] -> its two sides. S may be another than that of the packing: the caption always takes the
    last T places."""
    length, channels = packing.text.length, packing.image.channels
    side = math.isqrt((view.shape[1] - length) // channels)
    image = view[:, : channels * side * side].reshape(len(view), channels, side, side)
    return SeenPair(image, view[:, -length:].long())


def as_view(image: Tensor, text: Tensor, length: int) -> Tensor:
    """[B, C, S, S] and [B, at most T = length] -> [B, C S S + T] of the image's type, in which all tokens up to 2^24
    are exact."""
    padded = torch.nn.functional.pad(text, (0, length - text.shape[1]))
    return torch.cat([image.flatten(1), padded.to(image.dtype)], dim=1)


class PairViews(ViewMaker[PairPacking, PairView]):
    """[B, C S S + T] float32: pixels in [0, 1], then tokens, 0 behind the end of the caption."""

    View = PairView
    policies = POLICIES
    usual = ImageViews.usual
    encoder = "two_towers"
    simple = ("knn", "caption")

    def __init__(self, packing: PairPacking) -> None:
        super().__init__(packing)
        self.image, self.text = ImageViews(packing.image), TextViews(packing.text)

    def collate(self, rows: Sequence[np.ndarray[Any, Any]]) -> Tensor:
        out = torch.zeros((len(rows), self.packing.pixels + self.packing.text.length), dtype=torch.int32)
        for number, row in enumerate(rows):
            out[number, : len(row)] = torch.from_numpy(np.asarray(row, dtype=np.int32))
        return out

    def clean(self, stored: Tensor) -> Tensor:
        view = stored.float()
        view[:, : self.packing.pixels] /= 255
        return view

    def augment(self, view: Tensor, how: PairView, generator: torch.Generator) -> Tensor:
        seen = seen_pair(view, self.packing)
        image = self.image.augment(seen.image, how.image, generator)
        text = self.text.augment(seen.text, how.text, generator)
        return as_view(image, text, self.packing.text.length)

    def policy(self, name: str) -> Views[PairView]:
        """The image's policy of this name, and the only one of captions."""
        image, text = self.image.policy(name), self.text.policy(self.text.usual)
        return Views(
            weak=PairView(image=image.weak, text=text.weak),
            strong=PairView(image=image.strong, text=text.strong),
            pretrain=PairView(image=image.pretrain, text=text.weak),
        )

    def roles(
        self, given: PairView | str | None, local: PairView | None, patch: int = 1
    ) -> Mapping[Role, PairView]:
        """Those of the image and of the caption, side by side. By a policy, captions lose a tenth of their words: what
        they hold is the target of the image."""
        if not isinstance(given, PairView):
            given = self.policy(given if given in self.policies else self.usual).pretrain
        images = self.image.roles(given.image, None if local is None else local.image, patch)
        texts = self.text.roles(given.text, None if local is None else local.text, patch)
        return {role: PairView(image=images[role], text=texts[role]) for role in images}

    def length(self, how: PairView) -> int:
        return self.packing.image.channels * how.image.size**2 + self.packing.text.length

    def blank(self, count: int) -> Tensor:
        return as_view(self.image.blank(count), self.text.blank(count), self.packing.text.length)

    def baseline(self) -> dict[str, Any]:
        return {"name": "one_side", "plain": self.image.baseline()}
