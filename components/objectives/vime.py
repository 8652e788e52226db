"""VIME: which cells of a corrupted row were changed, and what was in them.

Source: Yoon et al. 2020 (NeurIPS 33), equations 4 and 5 and the code that its authors published: binary cross-entropy
of the mask plus alpha times the reconstruction error of the whole row, both from one feature.
Published: a share of .3 is changed, alpha 2. The mask marks cells that differ, as in the authors' code: a draw that
gives the value that was there is no change.
Differs: a cell is drawn from its column's quantiles or counts in place of another row of the batch; numbers are
reconstructed as normal scores in place of values between 0 and 1, and categories by cross-entropy.
Letters: B samples on this rank, F features, D feature size.
"""

from typing import Literal

import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, NonNegativeInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.cells import CellDecoder, OfCells, mean_of, table_encoder
from components.objectives.parts.one_view import only_view
from components.precision import at_least_float32


class VimeConfig(Config):
    """Options of VIME."""

    name: Literal["vime"] = "vime"
    """Selects the self-supervised part of VIME (Yoon et al. 2020)."""

    corrupt: float = Field(default=0.3, gt=0, lt=1)
    """Share of the cells that are drawn anew (published: 0.3)."""

    alpha: NonNegativeFloat = 2.0
    """Weight of the reconstruction beside the mask (published: 2)."""

    hidden: NonNegativeInt = 0
    """Size of a hidden layer of the two decoders; 0: linear ones (published: linear)."""


def mask_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Mean binary cross-entropy of which cells were changed, in nats; ln 2 for logits of 0.

    logits: [B, F]. mask: [B, F] bool.
    """
    return F.binary_cross_entropy_with_logits(
        at_least_float32(logits), mask.to(at_least_float32(logits).dtype)
    )


class Vime(OfCells):
    def __init__(self, config: VimeConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        table = table_encoder(encoder, "vime")
        super().__init__(table)
        self.config = config
        self.mask = nn.Linear(table.feature_dim, len(self.columns))
        self.decoder = CellDecoder(table, config.hidden)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] mask + alpha * reconstruction.

        Raises:
            UserError: not one view, or an encoder of something else than rows.
        """
        table, x = table_encoder(encoder, "vime"), only_view(batch, "vime")
        corrupted, changed = self.swapped(x, batch.index, self.config.corrupt)
        features = encoder(corrupted)
        mask = mask_loss(self.mask(features), changed)
        losses = self.reconstruction(table, features, x)
        reconstruction = mean_of(losses, self.in_order(~x.isnan()))
        total = mask + self.config.alpha * reconstruction
        return Losses(total, {"mask": mask.detach(), "reconstruction": reconstruction.detach()})
