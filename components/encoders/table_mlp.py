"""A multilayer perceptron over embedded features of a row.

Source: Gorishniy et al. 2022 (arXiv:2203.05556): a number becomes a vector before the first layer, by a piecewise
linear encoding between quantiles (section 3.2, "Q-LR") or by trained sines and cosines (section 3.3, "PLR").
Categories have trained embeddings; the layers are those of the paper's MLP: linear, ReLU, dropout.
Deviations: both encodings see normal scores, so that units do not matter; the bins of the piecewise one are those of
equal probability between the training samples' quantiles, equally wide in ranks. A missing number has an embedding of
its own. With `norm`, batch norm before each ReLU, as contrastive methods need it to train at any depth.
Letters: B samples, N numeric and C categorical features, E embedding size, H hidden size, K bins or frequencies.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.norm import BatchNorm
from components.encoders.tabular import TableEncoder, starts
from components.modalities.table.config import TablePacking


class TableMlpConfig(Config):
    """A multilayer perceptron over embedded features."""

    name: Literal["table_mlp"] = "table_mlp"
    """Selects the perceptron over embedded features (Gorishniy et al. 2022)."""

    numbers: Literal["scores", "piecewise", "periodic"] = "scores"
    """How a number becomes a vector: piecewise linear between quantiles, trained sines and cosines, or its normal
    score alone."""

    bins: PositiveInt = 16
    """Bins of the piecewise linear encoding, or frequencies of the periodic one, of each number."""

    sigma: PositiveFloat = 0.3
    """Standard deviation of the frequencies at the beginning, for `periodic` (published: 0.01 to 100, tuned)."""

    embedding: PositiveInt = 8
    """Size of the embedding of a number or a category."""

    width: PositiveInt = 256
    """Size of the hidden layers and of the feature."""

    layers: PositiveInt = 3
    """Number of hidden layers (published, for SCARF: 4)."""

    norm: bool = True
    """Batch norm before each ReLU."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the hidden values that are zero in a step of training."""


class TableMlp(TableEncoder):
    """[B, F] -> [B, width]."""

    def __init__(self, config: TableMlpConfig, packing: TablePacking) -> None:
        super().__init__(packing)
        self.config, self.feature_dim = config, config.width
        self.numbers = Numbers(config, len(packing.numeric))
        self.categories = Categories(packing.sizes, config.embedding)
        size, layers = (
            self.numbers.size * len(packing.numeric) + config.embedding * len(packing.sizes),
            list[nn.Module](),
        )
        for _ in range(config.layers):
            layers += [
                nn.Linear(size, config.width, bias=not config.norm),
                *([BatchNorm(config.width)] if config.norm else []),
                nn.ReLU(inplace=True),
                *([nn.Dropout(config.dropout)] if config.dropout else []),
            ]
            size = config.width
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.numbers(self.scores(x)), self.categories(self.codes(x))]
        found: Tensor = self.body(torch.cat([part.flatten(1) for part in parts], dim=1))
        return found


class Numbers(nn.Module):
    """Normal scores [B, N], NaN is missing -> [B, N, size]; size is E, or 2 (score, mark of missing) for `scores`."""

    def __init__(self, config: TableMlpConfig, features: int) -> None:
        super().__init__()
        self.how, self.bins = config.numbers, config.bins
        self.size = 2 if self.how == "scores" else config.embedding
        if self.how == "scores":
            return
        inputs = config.bins if self.how == "piecewise" else 2 * config.bins
        if self.how == "periodic":
            self.frequency = nn.Parameter(config.sigma * torch.randn(features, config.bins))
        bound = 1 / math.sqrt(inputs)  # as in nn.Linear, one layer for each feature
        self.weight = nn.Parameter(torch.empty(features, inputs, config.embedding).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(features, config.embedding).uniform_(-bound, bound))
        self.missing = nn.Parameter(0.02 * torch.randn(features, config.embedding))

    def forward(self, scores: Tensor) -> Tensor:
        gone = scores.isnan()
        scores = scores.masked_fill(gone, 0.0)
        if self.how == "scores":
            return torch.stack([scores, gone.to(scores.dtype)], dim=2)
        if self.how == "piecewise":
            encoded = piecewise((1 + torch.erf(scores / math.sqrt(2))) / 2, self.bins)
        else:
            angle = 2 * math.pi * scores.unsqueeze(2) * self.frequency
            encoded = torch.cat([angle.sin(), angle.cos()], dim=2)
        embedded = F.relu(torch.einsum("bni,nie->bne", encoded, self.weight) + self.bias)
        return torch.where(gone.unsqueeze(2), self.missing, embedded)


class Categories(nn.Module):
    """Codes [B, C] int64 -> [B, C, E]: a trained vector for each code of each feature."""

    start: Tensor

    def __init__(self, sizes: list[int], embedding: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(max(1, sum(sizes)), embedding)
        self.register_buffer("start", starts(sizes), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        found: Tensor = self.embedding(codes + self.start)
        return found


def piecewise(p: Tensor, bins: int) -> Tensor:
    """[...] ranks in [0, 1] -> [..., bins]: 1 for bins below p, 0 for those above, its place within its own bin.

    piecewise(.375, 4) = 1, .5, 0, 0. Source: equation 1 of arXiv:2203.05556, with bins of equal probability.
    """
    edges = torch.arange(bins, device=p.device, dtype=p.dtype)
    return (p.unsqueeze(-1) * bins - edges).clamp(0, 1)
