"""CL4SRec: SASRec, and two augmented views of a history attract while those of all others repel.

Source: Xie et al. 2020 (arXiv:2010.14395), section 3: L = L_next + weight * NT-Xent of the features of two views, each
made by cropping, masking or reordering (components.modalities.events.views).
Letters: B users, D feature size.
"""

from typing import Literal

from pydantic import PositiveFloat

from components.encoders.base import Encoder
from components.encoders.history_transformer import history_encoder
from components.errors import UserError
from components.objectives.base import Batch, Losses, ViewSpec
from components.objectives.sasrec import NextItem, NextItemConfig
from components.objectives.simclr import nt_xent


class Cl4srecConfig(NextItemConfig):
    """Options of CL4SRec."""

    name: Literal["cl4srec"] = "cl4srec"
    """Selects CL4SRec (Xie et al. 2020, arXiv:2010.14395)."""

    weight: PositiveFloat = 0.1
    """Weight of the contrast (published: 0.1)."""

    temperature: PositiveFloat = 1.0
    """Divides the cosines between features."""


class Cl4srec(NextItem):
    config: Cl4srecConfig
    views: ViewSpec = (("global", 2), ("plain", 1))

    def __init__(self, config: Cl4srecConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder is none of histories, or not causal."""
        super().__init__()
        self.config = config
        history_encoder(encoder, "cl4srec", causal=True)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """Two augmented views and the history itself -> total: [] nats.

        Raises:
            UserError: other views, one sample alone, or an encoder of something else.
        """
        if len(batch.views) != 3:
            raise UserError(
                "view-count-differs", f"cl4srec needs 3 views of each sample, got {len(batch.views)}"
            )
        net, (first, second, whole) = history_encoder(encoder, "cl4srec", causal=True), batch.views
        ahead = self.next_item(net, whole, batch.index)
        contrast = nt_xent(net(first), net(second), temperature=self.config.temperature)
        parts = {"next_item": ahead.detach(), "contrast": contrast.detach()}
        return Losses(ahead + self.config.weight * contrast, parts)
