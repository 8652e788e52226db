"""Rows as plain features, so that a linear model of them is a model like any other: nothing here learns."""

from typing import Literal

from torch import Tensor

from components.config import Config
from components.encoders.tabular import TableEncoder
from components.modalities.table.config import TablePacking
from components.modalities.table.plain import plain, plain_size


class RowsConfig(Config):
    """Normal scores of numbers, marks of missing values, one-hot categories."""

    name: Literal["rows"] = "rows"
    """Selects plain features of rows of tables."""

    values: bool = False
    """Whether the standardised numbers stand beside their normal scores."""


class Rows(TableEncoder):
    """[B, F] -> [B, D]: see components.modalities.table.plain."""

    learnt = False

    def __init__(self, config: RowsConfig, packing: TablePacking) -> None:
        super().__init__(packing)
        self.config = config
        self.feature_dim = plain_size(len(packing.numeric), packing.sizes, config.values)

    def forward(self, x: Tensor) -> Tensor:
        numbers = x.index_select(1, self.numeric)
        return plain(numbers, self.codes(x), self.grid, self.sizes, self.config.values)
