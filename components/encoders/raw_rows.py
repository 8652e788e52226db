"""Rows as they are: numbers in their own units, for detectors of anomalies, which need to see how far out a value is.

Normal scores (components.encoders.rows) end at the values of the training samples, so they hide that.
One-hot codes of rare categories and marks of rare gaps are rare in columns of their own, each of which counts as much
as a number does: detectors then rank rows with gaps first. On made-up tables of six numbers, three categories and 1 %
gaps (docs/log.md) the mean of all detectors had an average precision of .43 to .56
with them (three seeds), and .73 to .95 with `shares`.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from components.config import Config
from components.encoders.tabular import TableEncoder
from components.modalities.table.config import TablePacking


class RawRowsConfig(Config):
    """Numbers, with the median where one is missing, and categories."""

    name: Literal["raw_rows"] = "raw_rows"
    """Selects rows of tables in their own units."""

    categories: Literal["one_hot", "shares"] = "one_hot"
    """What a category becomes: one-hot codes, with marks of missing numbers beside them (`one_hot`); or one number, -ln
    of its share of the training samples, so that what is rare is far out, and no marks (`shares`)."""


class RawRows(TableEncoder):
    """[B, F] -> [B, D]: numbers, then one feature for each category; or numbers, marks of missing numbers, then one-hot
    codes of each category."""

    learnt = False
    rarity: Tensor  # [C, largest number of codes] -ln of the share of each code, of one sample more than there are

    def __init__(self, config: RawRowsConfig, packing: TablePacking) -> None:
        super().__init__(packing)
        self.config = config
        self.register_buffer("rarity", _rarity(packing), persistent=False)
        numbers = [packing.features[place].column for place in packing.numeric]
        each = [
            (packing.features[place].column, packing.features[place].size) for place in packing.categorical
        ]
        self.raw_numbers = len(numbers)
        self.columns = (
            (*numbers, *(column for column, _ in each))
            if config.categories == "shares"
            else (*numbers, *numbers, *(column for column, size in each for _ in range(size)))
        )
        self.feature_dim = len(self.columns)

    def forward(self, x: Tensor) -> Tensor:
        numbers, codes = x.index_select(1, self.numeric), self.codes(x)
        gone = numbers.isnan()
        filled = torch.where(gone, self.grid[:, self.grid.shape[1] // 2], numbers)
        if self.config.categories == "shares":
            shares = [self.rarity[place][codes[:, place]] for place in range(len(self.sizes))]
            return torch.cat([filled, *(share.to(x.dtype)[:, None] for share in shares)], dim=1)
        hot = [F.one_hot(codes[:, place], size).to(x.dtype) for place, size in enumerate(self.sizes)]
        return torch.cat([filled, gone.to(x.dtype), *hot], dim=1)


def _rarity(packing: TablePacking) -> Tensor:
    """A code that no training sample has counts once."""
    found = torch.zeros(len(packing.sizes), max(packing.sizes, default=0), dtype=torch.float64)
    for column, place in enumerate(packing.categorical):
        feature = packing.features[place]
        counts = torch.tensor(feature.counts or (0,) * feature.size, dtype=torch.float64)
        found[column, : feature.size] = -(counts.clamp_min(1) / (counts.sum() + 1)).log()
    return found
