"""Encoders of rows of tables: what of a view is a number, a category or missing.

Letters: B samples, F features of a view, N numeric and C categorical ones, Q quantiles, D feature size.
"""

import torch
from torch import Tensor

from components.encoders.base import Encoder
from components.modalities.table.config import TablePacking
from components.modalities.table.plain import codes_of
from components.modalities.table.scores import normal_scores


class TableEncoder(Encoder):
    """[B, F] float32, NaN is missing and categories are codes -> features [B, D].

    The quantiles by which numbers become scores are buffers: a trained encoder keeps those it was trained with.
    sizes: codes of each categorical feature, missing (0) and other (1) included.
    """

    modality = "table"
    packing: TablePacking
    numeric: Tensor  # [N] int64 places of the numeric features
    categorical: Tensor  # [C] int64
    grid: Tensor  # [N, Q] quantiles
    limits: Tensor  # [C] int64 codes of each categorical feature

    def __init__(self, packing: TablePacking) -> None:
        super().__init__(packing)
        self.sizes = packing.sizes
        self.register_buffer("numeric", torch.tensor(packing.numeric, dtype=torch.int64))
        self.register_buffer("categorical", torch.tensor(packing.categorical, dtype=torch.int64))
        self.register_buffer("grid", torch.from_numpy(packing.grid))
        self.register_buffer("limits", torch.tensor(packing.sizes, dtype=torch.int64))

    def scores(self, view: Tensor) -> Tensor:
        """[B, F] -> [B, N] normal scores of the numbers, -3.09 to 3.09; NaN where missing."""
        return normal_scores(view.index_select(1, self.numeric), self.grid)

    def codes(self, view: Tensor) -> Tensor:
        """[B, F] -> [B, C] int64 codes: 0 for missing, 1 for a category that is rare or unknown."""
        return codes_of(view.index_select(1, self.categorical), self.limits)


def starts(sizes: list[int]) -> Tensor:
    """[C] int64 where the codes of each feature begin in one table of all codes. [4, 3] -> 0, 4."""
    return torch.tensor([0, *sizes[:-1]], dtype=torch.int64).cumsum(0)[: len(sizes)]
