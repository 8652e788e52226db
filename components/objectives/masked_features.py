"""Masked feature modelling: cells of a row are hidden; what was in them is predicted from the others.

Source: BERT's masked language modelling (Devlin et al. 2018, arXiv:1810.04805) on columns in place of words, as in the
pretraining of Rubachev et al. 2022 (arXiv:2207.03208, "mask prediction" and "reconstruction"). Cross-entropy for
categories, squared error of normal scores for numbers; the loss is that of hidden cells alone.
A hidden cell is a missing value to the encoder: nothing of it is left, and later gaps are nothing new.
Letters: B samples on this rank, F features, D feature size.
"""

from typing import Literal

import torch
from pydantic import Field, NonNegativeInt

from components.config import Config
from components.encoders.base import Encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.cells import CellDecoder, OfCells, mean_of, table_encoder
from components.objectives.parts.one_view import only_view


class MaskedFeaturesConfig(Config):
    """Options of masked feature modelling."""

    name: Literal["masked_features"] = "masked_features"
    """Selects masked feature modelling."""

    masked: float = Field(default=0.3, gt=0, lt=1)
    """Share of the cells of a row that are hidden."""

    hidden: NonNegativeInt = 256
    """Size of the hidden layer of the decoder; 0: a linear one."""


class MaskedFeatures(OfCells):
    def __init__(self, config: MaskedFeaturesConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        table = table_encoder(encoder, "masked_features")
        super().__init__(table)
        self.config = config
        self.decoder = CellDecoder(table, config.hidden)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] mean loss of a hidden cell that had a value.

        Raises:
            UserError: not one view, or an encoder of something else than rows.
        """
        table, x = table_encoder(encoder, "masked_features"), only_view(batch, "masked_features")
        hide = self.hidden(x, batch.index, self.config.masked)
        losses = self.reconstruction(table, encoder(torch.where(hide, torch.nan, x)), x)
        return Losses(mean_of(losses, self.in_order(hide & ~x.isnan())))
