"""Denoising autoencoder of rows: the clean row from the feature of a corrupted one.

Source: Vincent et al. 2010 (JMLR 11, 3371-3408): the loss is that of all values, here all cells that are not missing.
The corruption is swap noise, which tables need because their columns have no common unit: a share of the cells takes a
value from elsewhere in its column.
Letters: B samples on this rank, F features, D feature size.
"""

from typing import Literal

from pydantic import Field, NonNegativeInt

from components.config import Config
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.cells import CellDecoder, OfCells, mean_of, table_encoder
from components.objectives.parts.one_view import only_view


class TableDenoisingConfig(Config):
    """Options of the denoising autoencoder of rows."""

    name: Literal["table_denoising"] = "table_denoising"
    """Selects the denoising autoencoder of rows."""

    swap: float = Field(default=0.3, gt=0, lt=1)
    """Share of the cells that are drawn anew from the distribution of their column."""

    hidden: NonNegativeInt = 256
    """Size of the hidden layer of the decoder; 0: a linear one."""


class TableDenoising(OfCells):
    def __init__(self, config: TableDenoisingConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        table = table_encoder(encoder, "table_denoising")
        super().__init__(table)
        self.config = config
        self.decoder = CellDecoder(table, config.hidden)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] mean loss of a cell.

        Raises:
            UserError: not one view, or an encoder of something else than rows.
        """
        table, x = table_encoder(encoder, "table_denoising"), only_view(batch, "table_denoising")
        corrupted, _ = self.swapped(x, batch.index, self.config.swap)
        losses = self.reconstruction(table, encoder(corrupted), x)
        return Losses(mean_of(losses, self.in_order(~x.isnan())))
