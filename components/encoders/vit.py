"""Vision transformers: an image as a sequence of patches -> feature.

Source: Dosovitskiy et al. 2020 (arXiv:2010.11929), pre-norm blocks; tiny and small: Touvron et al. 2020
(arXiv:2012.12877), table 1; fixed positions and the mean of the patch tokens as feature: He et al. 2021
(arXiv:2111.06377). Parameters are named as in MAE's and DeiT's checkpoints, so that those can be begun from.
Differs: positions are computed for the grid at hand, so that one encoder takes every size (multi-crop).
Letters: B samples, C channels, P side of a patch, h x w the grid of patches, T = h w patches, E width, D = E.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import TokenEncoder
from components.encoders.paths import DropPath, rates
from components.encoders.start import Start
from components.errors import UserError
from components.modalities.image.config import ImagePacking


class VitConfig(Config):
    """A vision transformer of any size.

    The default has half the depth of ViT-Ti and two thirds of its width: 1.2 million parameters, for small images and
    small data sets on a CPU.
    """

    name: Literal["vit"] = "vit"
    """Selects a vision transformer whose sizes are given here."""

    width: int = Field(default=128, multiple_of=4, gt=0)
    """Token size E, a multiple of 4 and of `heads`."""

    depth: PositiveInt = 6
    """Number of transformer blocks."""

    heads: PositiveInt = 4
    """Attention heads of each block."""

    patch: PositiveInt = 4
    """Side of a patch in pixels; 4 divides an image of 32 pixels into 64 patches."""

    pooling: Literal["mean", "class"] = "mean"
    """The feature is the mean of the patch tokens after the last norm (`mean`) or the class token
    (`class`)."""

    drop_path: float = Field(default=0.0, ge=0, lt=1)
    """Probability that the residual branch of the last block is skipped for a sample; it rises linearly from
    0 with depth."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "VitConfig":
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        return self


class NamedVitConfig(Config):
    """ViT-Ti, ViT-S and ViT-B: 5.5, 21.6 and 85.6 million parameters; published with patches of 16 pixels."""

    name: Literal["vit_tiny", "vit_small", "vit_base"]
    """Selects ViT-Ti, ViT-S or ViT-B."""

    patch: PositiveInt = 4
    """Side of a patch in pixels; 4 divides an image of 32 pixels into 64 patches."""

    pooling: Literal["mean", "class"] = "mean"
    """The feature is the mean of the patch tokens after the last norm (`mean`) or the class token
    (`class`)."""

    drop_path: float = Field(default=0.0, ge=0, lt=1)
    """Probability that the residual branch of the last block is skipped for a sample; it rises linearly from
    0 with depth."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""


WIDTHS = {"vit_tiny": 192, "vit_small": 384, "vit_base": 768}


def vit_topology(config: VitConfig | NamedVitConfig) -> VitConfig:
    """The sizes that a name stands for: 12 blocks, heads of 64."""
    if isinstance(config, VitConfig):
        return config
    width = WIDTHS[config.name]
    return VitConfig(width=width, depth=12, heads=width // 64, **config.model_dump(exclude={"name"}))


def positions(rows: int, columns: int, width: int) -> Tensor:
    """[rows * columns, width] float32: sines and cosines of the column, then of the row.

    Frequencies 10000^(-4 i / width), i < width / 4. Of row 0, column 0: 0 for sines, 1 for cosines.
    """
    quarter = width // 4
    frequency = 10000.0 ** (-torch.arange(quarter) / quarter)
    row, column = (torch.arange(count).unsqueeze(1) * frequency for count in (rows, columns))
    row, column = torch.cat([row.sin(), row.cos()], 1), torch.cat([column.sin(), column.cos()], 1)
    return torch.cat([column.repeat(rows, 1), row.repeat_interleave(columns, 0)], dim=1)


class Vit(TokenEncoder):
    def __init__(self, config: VitConfig | NamedVitConfig, packing: ImagePacking) -> None:
        super().__init__(packing)
        config = vit_topology(config)
        self.patch, self.token_dim, self.feature_dim = config.patch, config.width, config.width
        self.patch_embed = nn.ModuleDict(
            {"proj": nn.Conv2d(self.channels, config.width, config.patch, stride=config.patch)}
        )
        self.cls_token = (
            nn.Parameter(0.02 * torch.randn(1, 1, config.width)) if config.pooling == "class" else None
        )
        drops = rates(config.drop_path, config.depth)
        self.blocks = nn.ModuleList([Block(config.width, config.heads, drop) for drop in drops])
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.apply(begin)
        projection = self.patch_embed["proj"].weight
        assert isinstance(projection, Tensor)
        nn.init.xavier_uniform_(projection.data.view(len(projection), -1))

    def both(
        self,
        x: Tensor,
        *,
        kept: Tensor | None = None,
        masked: Tensor | None = None,
        token: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        if x.shape[2] % self.patch or x.shape[3] % self.patch:
            raise UserError(
                "view-size-refused",
                f"this vit cuts images into patches of {self.patch} x {self.patch} pixels and needs sides "
                f"that are multiples of it, got {x.shape[2]} x {x.shape[3]}; change the encoder's patch or "
                f"the view's size",
            )
        cut: Tensor = self.patch_embed["proj"](self.standardised(x))
        seen = cut.flatten(2).transpose(1, 2)  # [B, T, E]
        if masked is not None:
            assert token is not None
            seen = torch.where(masked.unsqueeze(2), token.to(seen.dtype), seen)
        seen = seen + positions(cut.shape[2], cut.shape[3], self.token_dim).to(seen)
        if kept is not None:
            seen = seen.gather(1, kept.unsqueeze(2).expand(-1, -1, self.token_dim))
        if self.cls_token is not None:
            first = self.cls_token.to(seen.dtype).expand(seen.shape[0], -1, -1)  # it has no position
            seen = torch.cat([first, seen], dim=1)
        for block in self.blocks:
            seen = block(seen)
        seen = self.norm(seen)
        if self.cls_token is not None:
            return seen[:, 0], seen[:, 1:]
        return seen.mean(dim=1), seen


class Block(nn.Module):
    """[B, T, E] -> [B, T, E]: attention, then two layers on each token; both added to what came in."""

    def __init__(self, width: int, heads: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.drop = Attention(width, heads), DropPath(drop_path)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """seen: [B, 1, T or 1, T] bool, which tokens each may attend to; None: all."""
        x = x + self.drop(self.attn(self.norm1(x), seen))
        found: Tensor = x + self.drop(self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x)))))
        return found


class Attention(nn.Module):
    """[B, T, E] -> [B, T, E]: every token looks at all of them, in `heads` subspaces."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        found: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return found


def begin(module: nn.Module) -> None:
    """How transformers' linear layers begin: Glorot's uniform weights, no bias."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
