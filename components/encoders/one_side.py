"""One side of a pair as the plain features of its own kind: the pixels of the image, or tf-idf of the caption.

Nothing in it learns. Letters: B samples, D features.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.pixels import Pixels, PixelsConfig
from components.encoders.tfidf import Tfidf, TfidfConfig
from components.modalities.pair.config import PairPacking
from components.modalities.pair.views import seen_pair


class OneSideConfig(Config):
    """plain: of the image or of the caption."""

    name: Literal["one_side"] = "one_side"
    """Selects the plain features of one side of a pair."""

    plain: Annotated[PixelsConfig | TfidfConfig, Field(discriminator="name")]
    """Which ones: `pixels` of the image or `tfidf` of the caption."""


class OneSide(Encoder):
    """A view of pairs -> [B, D], what the plain encoder gives of that side."""

    modality = "pair"
    learnt = False

    def __init__(self, config: OneSideConfig, packing: PairPacking) -> None:
        super().__init__(packing)
        self.pair = packing
        self.plain: Encoder = (
            Tfidf(config.plain, packing.text)
            if isinstance(config.plain, TfidfConfig)
            else Pixels(config.plain, packing.image)
        )
        self.feature_dim = self.plain.feature_dim

    def side(self, view: Tensor) -> Tensor:
        """The view of that side alone."""
        seen = seen_pair(view, self.pair)
        return seen.text if isinstance(self.plain, Tfidf) else seen.image

    def fit(self, views: Iterable[Tensor]) -> None:
        self.plain.fit(self.side(view) for view in views)

    def forward(self, view: Tensor) -> Tensor:
        found: Tensor = self.plain(self.side(view))
        return found
