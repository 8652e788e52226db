"""Draws cells from the distribution of their feature over the training samples.

Source: the corruption of SCARF (Bahri et al. 2022, arXiv:2106.15147), which takes the value of another sample at
random. Here the value comes from quantiles and counts, so that no sample depends on the others of its batch.
Letters: B samples, F features, Q quantiles.
"""

import torch
from torch import Tensor, nn

from components.modalities.table.config import QUANTILES, TablePacking
from components.modalities.table.scores import at_rank

FEW = QUANTILES // 2  # a number with fewer different quantiles takes no value between them


class Marginals(nn.Module):
    """The distribution of each feature. Its tensors come from the packing and are no part of the state."""

    numeric: Tensor  # places of the features that are numbers
    categorical: Tensor
    grid: Tensor  # [numeric, Q]
    missing: Tensor  # [F] share of missing values
    whole: Tensor  # [numeric] bool, whether all numbers are whole
    steps: Tensor  # [numeric] bool, whether a number takes a few values only
    upto: Tensor  # [categorical, most codes] share of the codes up to each among the values that are there

    def __init__(self, packing: TablePacking) -> None:
        super().__init__()
        self.features = len(packing.features)
        grid = torch.from_numpy(packing.grid)
        distinct = 1 + (grid[:, 1:] > grid[:, :-1]).sum(1)
        numbers = [packing.features[place] for place in packing.numeric]
        for name, value in {
            "numeric": torch.tensor(packing.numeric, dtype=torch.int64),
            "categorical": torch.tensor(packing.categorical, dtype=torch.int64),
            "grid": grid,
            "missing": torch.tensor([feature.missing for feature in packing.features]),
            "whole": torch.tensor([feature.whole for feature in numbers], dtype=torch.bool),
            "steps": distinct <= FEW,
            "upto": _shares(packing),
        }.items():
            self.register_buffer(name, value, persistent=False)

    def draw(self, u: Tensor) -> Tensor:
        """[B, F] uniform in [0, 1) -> [B, F] values as packed: NaN for u below the share of missing values."""
        u = u.to(self.missing.dtype)
        there = ((u - self.missing) / (1 - self.missing).clamp_min(1e-6)).clamp(0, 1)
        out = torch.empty_like(u)
        if len(self.numeric):
            out[:, self.numeric] = self._numbers(there[:, self.numeric])
        if len(self.categorical):
            p = there[:, self.categorical].T.contiguous()
            codes = torch.searchsorted(self.upto, p, right=True).clamp(max=self.upto.shape[1] - 1)
            out[:, self.categorical] = codes.T.to(out.dtype)
        return torch.where(u < self.missing, torch.nan, out)

    def _numbers(self, p: Tensor) -> Tensor:
        last = self.grid.shape[1] - 1
        p = torch.where(self.steps, (p * last).round() / last, p)
        values = at_rank(p, self.grid)
        return torch.where(self.whole, values.round(), values)


def _shares(packing: TablePacking) -> Tensor:
    """[categorical features, most codes] cumulative share of each code, 0 for code 0, which is a missing value; codes
    beyond a feature's last have the share 2, above every draw."""
    features = [packing.features[place] for place in packing.categorical]
    out = torch.full((len(features), max((f.size for f in features), default=2)), 2.0)
    for row, feature in enumerate(features):
        counts = torch.tensor(feature.counts, dtype=torch.float64)
        counts[0] = 0
        total = counts.sum()
        counts[1] += total == 0  # no value in all training samples
        out[row, : feature.size] = (counts.cumsum(0) / counts.sum()).float()
    return out
