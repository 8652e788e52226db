"""Rows as plain features of linear models: numbers as normal scores, or beside them as they are, categories one-hot,
missing values marked.

Letters: B samples, F features, N numeric ones, Q quantiles, D plain features.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from components.modalities.table.config import OTHER
from components.modalities.table.scores import normal_scores, standardised


def plain_size(numeric: int, sizes: list[int], values: bool = False) -> int:
    """D, of `plain`."""
    return (3 if values else 2) * numeric + sum(sizes)


def plain(numbers: Tensor, codes: Tensor, grid: Tensor, sizes: list[int], values: bool = False) -> Tensor:
    """[B, D] float32: normal scores (0 where missing), marks of missing numbers, then one-hot codes of each category;
    with `values` the standardised numbers (0 where missing) at the end.

    Args:
        numbers: [B, N], NaN is missing. codes: [B, categorical features] int64, see `codes_of`.
        grid: [N, Q] quantiles. sizes: codes of each categorical feature.
    """
    gone = numbers.isnan()
    scores = normal_scores(numbers, grid).masked_fill(gone, 0.0)
    hot = [F.one_hot(codes[:, place], size).to(scores.dtype) for place, size in enumerate(sizes)]
    known = [standardised(numbers, grid).masked_fill(gone, 0.0)] if values else []
    return torch.cat([scores, gone.to(scores.dtype), *hot, *known], dim=1)


def codes_of(values: Tensor, sizes: Tensor) -> Tensor:
    """[B, categorical features] packed codes -> int64 codes: 0 for missing, 1 for any that the feature has not.

    sizes: [categorical features] codes of each feature.
    """
    codes = values.nan_to_num(0.0).round().long()
    return codes.masked_fill((codes < 0) | (codes >= sizes), OTHER)
