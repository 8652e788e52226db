"""FT-Transformer: each feature of a row is a token; attention between them; the feature is that of a class token.

Source: Gorishniy et al. 2021 (arXiv:2106.11959), section 3.3 and appendix E: pre-norm blocks whose first has no norm
before attention, ReGLU in the feed-forward layers, residual connections without dropout.
Deviations: numbers are normal scores; a missing number has a token of its own; narrower than the published 192, with
fewer heads and without dropout by default, for pretraining on a CPU. The feature is normalised as the paper's head does
it (norm, then ReLU).
Letters: B samples, N numeric and C categorical features, T = N + C + 1 tokens, E their size, D = E.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.table_mlp import Categories
from components.encoders.tabular import TableEncoder
from components.modalities.table.config import TablePacking


class FtTransformerConfig(Config):
    """A transformer over the features of a row."""

    name: Literal["ft_transformer"] = "ft_transformer"
    """Selects FT-Transformer (Gorishniy et al. 2021)."""

    width: PositiveInt = 64
    """Token size E, a multiple of `heads` (published: 192)."""

    depth: PositiveInt = 3
    """Number of blocks (published: 3)."""

    heads: PositiveInt = 4
    """Attention heads of each block (published: 8)."""

    hidden: float = Field(default=4 / 3, gt=0)
    """Width of the feed-forward layers as a multiple of the token size (published: 4/3)."""

    attention_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the attention weights that are zero in a step of training (published: 0.2;
    doubles the time of attention on a CPU)."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the hidden values of feed-forward layers that are zero in a step of training (published: 0.1)."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "FtTransformerConfig":
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        return self


class FtTransformer(TableEncoder):
    """[B, F] -> [B, E]."""

    def __init__(self, config: FtTransformerConfig, packing: TablePacking) -> None:
        super().__init__(packing)
        self.config, width = config, config.width
        self.feature_dim = width
        self.numbers = Tokens(len(packing.numeric), width)
        self.categories = Categories(packing.sizes, width)
        bound = 1 / math.sqrt(width)
        nn.init.uniform_(self.categories.embedding.weight, -bound, bound)
        self.bias = nn.Parameter(torch.empty(len(packing.sizes), width).uniform_(-bound, bound))
        self.cls = nn.Parameter(torch.empty(width).uniform_(-bound, bound))
        self.blocks = nn.ModuleList(Block(config, first=place == 0) for place in range(config.depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        numbers, categories = self.numbers(self.scores(x)), self.categories(self.codes(x)) + self.bias
        tokens = torch.cat([self.cls.expand(x.shape[0], 1, -1), numbers, categories], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return F.relu(self.norm(tokens[:, 0]))


class Tokens(nn.Module):
    """Normal scores [B, N], NaN is missing -> [B, N, E]: a vector of each feature times the score, and another one."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.weight, self.bias, self.missing = (
            nn.Parameter(torch.empty(features, width).uniform_(-bound, bound)) for _ in range(3)
        )

    def forward(self, scores: Tensor) -> Tensor:
        gone = scores.isnan().unsqueeze(2)
        token = scores.nan_to_num(0.0).unsqueeze(2) * self.weight
        return torch.where(gone, self.missing, token) + self.bias


class Block(nn.Module):
    """[B, T, E] -> [B, T, E]. first: without the norm before attention."""

    def __init__(self, config: FtTransformerConfig, first: bool) -> None:
        super().__init__()
        width, hidden = config.width, max(1, int(config.width * config.hidden))
        self.heads, self.attention_dropout = config.heads, config.attention_dropout
        self.norm1 = nn.Identity() if first else nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * hidden), nn.Linear(hidden, width)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        drop = self.attention_dropout if self.training else 0.0
        seen = F.scaled_dot_product_attention(q, k, v, dropout_p=drop)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        value, gate = self.up(self.norm2(x)).chunk(2, dim=2)
        found: Tensor = x + self.down(self.drop(value * F.relu(gate)))
        return found
