"""Rows as they are: numbers in their own units, for detectors of anomalies, which need to see how far out a value is.

Normal scores (components.encoders.rows) end at the values of the training samples, so they hide that.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from components.config import Config
from components.encoders.tabular import TableEncoder
from components.modalities.table.config import TablePacking
from components.modalities.table.plain import plain_size


class RawRowsConfig(Config):
    """Numbers, with the median where one is missing, marks of missing values, one-hot categories."""

    name: Literal["raw_rows"] = "raw_rows"
    """Selects rows of tables in their own units."""


class RawRows(TableEncoder):
    """[B, F] -> [B, D]: numbers, marks of missing numbers, then one-hot codes of each category."""

    learnt = False

    def __init__(self, config: RawRowsConfig, packing: TablePacking) -> None:
        super().__init__(packing)
        self.config = config
        self.feature_dim = plain_size(len(packing.numeric), packing.sizes)
        numbers = [packing.features[place].column for place in packing.numeric]
        each = [
            (packing.features[place].column, packing.features[place].size) for place in packing.categorical
        ]
        self.columns = (*numbers, *numbers, *(column for column, size in each for _ in range(size)))

    def forward(self, x: Tensor) -> Tensor:
        numbers, codes = x.index_select(1, self.numeric), self.codes(x)
        gone = numbers.isnan()
        filled = torch.where(gone, self.grid[:, self.grid.shape[1] // 2], numbers)
        hot = [F.one_hot(codes[:, place], size).to(x.dtype) for place, size in enumerate(self.sizes)]
        return torch.cat([filled, gone.to(x.dtype), *hot], dim=1)
