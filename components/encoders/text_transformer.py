"""A transformer over the tokens of a text.

Sources: Vaswani et al. 2017 (arXiv:1706.03762); the norm before each part (pre-norm): Xiong et al. 2020
(arXiv:2002.04745); positions as rotations of queries and keys (RoPE): Su et al. 2021 (arXiv:2104.09864), equation 34.
Differs: the feature is the mean over tokens, as sentence encoders have it (arXiv:1908.10084), not the first token.
Letters: B texts, T tokens of the longest of a batch, E width, H heads, d = E / H.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.arrays import Floats
from components.config import Config
from components.encoders.start import Start
from components.encoders.text import TextEncoder
from components.encoders.vit import begin
from components.modalities.text.config import TextPacking


class TextTransformerConfig(Config):
    """A small transformer: 1.8 million parameters and the embeddings of the vocabulary by default."""

    name: Literal["text_transformer"] = "text_transformer"
    """Selects a transformer over tokens of texts."""

    width: int = Field(default=192, multiple_of=2, gt=0)
    """Token size E; a multiple of twice `heads`."""

    depth: PositiveInt = 4
    """Number of transformer blocks."""

    heads: PositiveInt = 3
    """Attention heads of each block."""

    causal: bool = False
    """A token sees those before it and itself alone, as causal_lm needs it."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "TextTransformerConfig":
        if self.width % (2 * self.heads):
            raise ValueError(f"width must be a multiple of twice heads, got {self.width} and {self.heads}")
        return self


class TextTransformer(TextEncoder):
    """noisy_layers: the embeddings, and what attention and perceptron of each block add."""

    def __init__(self, config: TextTransformerConfig, packing: TextPacking) -> None:
        super().__init__(packing, config.width)
        self.noisy_layers, self.causal = 1 + 2 * config.depth, config.causal
        self.blocks = nn.ModuleList([TextBlock(config.width, config.heads) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(config.width)
        self.blocks.apply(begin)

    def layers(self, embedded: Tensor, padding: Tensor, noise: Tensor | None) -> Tensor:
        seen = visible(padding, self.causal)
        factors = [None] * self.noisy_layers if noise is None else list(noise.unsqueeze(2).unbind(1))
        x = times(embedded, factors[0])
        for number, block in enumerate(self.blocks):
            x = block(x, seen, factors[1 + 2 * number], factors[2 + 2 * number])
        found: Tensor = self.norm(x)
        return found


class TextBlock(nn.Module):
    """[B, T, E] -> [B, T, E]: attention, then two layers on each token; both added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(
        self, x: Tensor, seen: Tensor, first: Tensor | None = None, second: Tensor | None = None
    ) -> Tensor:
        """seen: [B, 1, T or 1, T] bool, which tokens each may attend to. first, second: [B, 1, E] factors of what is
        added."""
        x = x + times(self.attention(self.norm1(x), seen), first)
        return x + times(self.fc2(F.gelu(self.fc1(self.norm2(x)))), second)

    def attention(self, x: Tensor, seen: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        cos, sin = (table.to(q) for table in rotations(x.shape[1], q.shape[3]))
        found = F.scaled_dot_product_attention(rotated(q, cos, sin), rotated(k, cos, sin), v, attn_mask=seen)
        projected: Tensor = self.proj(found.transpose(1, 2).flatten(2))
        return projected


def times(x: Tensor, factor: Tensor | None) -> Tensor:
    return x if factor is None else x * factor


def visible(padding: Tensor, causal: bool = False) -> Tensor:
    """[B, T] bool -> [B, 1, T or 1, T] bool: no token sees padding; causal: nor those behind it. The first token is
    seen by all, also where it is padding, for a softmax needs something."""
    seen = (~padding)[:, None, None, :].clone()
    seen[..., 0] = True
    if causal:
        size = padding.shape[1]
        seen = seen & torch.ones(size, size, dtype=torch.bool, device=padding.device).tril()
    return seen


def rotations(length: int, size: int) -> tuple[Tensor, Tensor]:
    """cos, sin [T, d / 2] of position * 10000^(-2 i / d), i < d / 2. Of position 0: 1 and 0."""
    cos, sin = _rotations(length, size)
    return torch.from_numpy(cos), torch.from_numpy(sin)


@lru_cache(maxsize=64)  # no tensors: one that was made in inference mode could not be trained through
def _rotations(length: int, size: int) -> tuple[Floats, Floats]:
    angle = np.arange(length)[:, None] * 10000.0 ** (-np.arange(0, size, 2) / size)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """[..., T, d]: each pair (x_i, x_(i + d/2)) turned by its angle, so that products of two tokens depend on their
    distance alone."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
