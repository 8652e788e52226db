"""Jigsaw: tell by which permutation the tiles of an image were shuffled.

Source: Noroozi & Favaro 2016 (arXiv:1603.09246): 3 x 3 cells, a tile somewhere in each so that edges do not
continue, every tile levelled by itself, one network for all tiles, their features side by side; algorithm 1
chooses the permutations.
Published: cells of 75 pixels, tiles of 64, 1000 permutations (of 9! = 362,880), 30 % of the images grey. Here
the same proportion at cells of 12 pixels (tiles of 10) and 100 permutations, the number of the ablation's middle.
A view of any size will do: a cell is as large as the view allows, rounded up, and no smaller than `cell`; a view that
the cells do not fill is enlarged to grid x cell pixels (28 becomes 36, 64 becomes 66, 36 stays as it is).
Differs: algorithm 1 takes the largest mean distance to those chosen so far, from a random first one. Here the
largest least distance comes first and the mean only between equals, from the identity: of 64 permutations
of 9 the closest two then differ at 7 places instead of 2, at the same mean distance of 8.12. Chance takes no
part, so every process and every start has the same list.
Letters: B samples on this rank, T tiles, C channels, S side, P side of a tile, D feature size, K permutations.
"""

import itertools
import math
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.heads import mlp_head
from components.objectives.base import Batch, Losses, ViewSpec
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.tiles import cut, enlarged, tile_features
from components.precision import at_least_float32


class JigsawConfig(Config):
    """Options of jigsaw puzzles."""

    name: Literal["jigsaw"] = "jigsaw"
    """Selects jigsaw puzzles (Noroozi & Favaro 2016, arXiv:1603.09246)."""

    grid: Literal[2, 3] = 3
    """Cells along a side (published: 3)."""

    cell: PositiveInt = 12
    """Smallest side of a cell in pixels; a smaller view is enlarged (published: 75)."""

    tile: PositiveInt | None = None
    """Side of a tile in pixels; null: 85 % of a cell, as published."""

    permutations: int = Field(default=100, ge=2)
    """Number of permutations that are told apart (published: 1000)."""

    hidden: PositiveInt | None = None
    """Width of the head's hidden layer; null: the feature size."""

    def sides(self, size: int) -> tuple[int, int]:
        """Of a cell and of a tile, in pixels, for a view of side `size`: 12 and 10 for 28, 22 and 19 for 64."""
        cell = max(self.cell, -(-size // self.grid))
        return cell, self.tile or max(1, round(64 / 75 * cell))

    @model_validator(mode="after")
    def _fits(self) -> "JigsawConfig":
        if self.tile is not None and self.tile > self.cell:
            raise ValueError(
                f"tile needs to fit into a cell of {self.cell} pixels, got {self.tile}; make cell larger"
            )
        if self.permutations > (most := math.factorial(self.grid**2)):
            raise ValueError(
                f"{self.grid**2} tiles have {most} permutations, got permutations = {self.permutations}"
            )
        return self


@cache
def far_apart(tiles: int, count: int) -> Tensor:
    """[count, tiles] int64 permutations that differ at many places; the first is the identity.

    Each next one is that with the largest least distance to those before it, then with the largest sum of
    distances, then the first in order. Up to `tiles` of them differ at every place (a Latin square).
    """
    every = torch.tensor(list(itertools.permutations(range(tiles))), dtype=torch.uint8).T.contiguous()
    sums = torch.zeros(every.shape[1], dtype=torch.int64)
    least = torch.full_like(sums, tiles)
    chosen = [0]
    while len(chosen) < count:
        last = every[:, chosen[-1]].tolist()
        distance = sum((row != place).to(torch.uint8) for row, place in zip(every, last, strict=True))
        sums += distance
        least = torch.minimum(least, distance)
        chosen.append(int((least * (tiles * count) + sums).argmax()))
    return every[:, chosen].T.long()


def scattered(x: Tensor, chance: Tensor, grid: int, side: int) -> Tensor:
    """The tiles of x [B, C, S, S], row by row, each at a place in its cell that chance [B, T, 2] chooses.

    chance: in [0, 1), of height and of width.

    Returns:
        [B, T, C, P, P], T = grid^2, P = side.
    """
    cell = x.shape[3] // grid
    inside = (chance.to(x.device) * (cell - side + 1)).long()
    number = torch.arange(grid**2, device=x.device)
    top, left = number // grid * cell + inside[..., 0], number % grid * cell + inside[..., 1]
    return cut(x, top, left, side)


class Jigsaw(Drawing):
    needs = "image"
    views: ViewSpec = (("global", 1),)
    permutations: Tensor  # [K, T]

    def __init__(self, config: JigsawConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        super().__init__()
        self.config = config
        tiles, width = config.grid**2, encoder.feature_dim
        self.register_buffer("permutations", far_apart(tiles, config.permutations).clone())
        self.head: nn.Module = mlp_head(tiles * width, config.hidden or width, config.permutations)

    @property
    def collapse_loss(self) -> float:
        """ln K: the loss of an encoder that gives every tile the same feature."""
        return math.log(self.config.permutations)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats.

        Raises:
            UserError: not one view.
        """
        x, index = only_view(batch, "jigsaw"), batch.index
        config = self.config
        cell, tile = config.sides(x.shape[3])
        x = enlarged(x, config.grid * cell)
        tiles = scattered(x, self.chance.uniform(index, config.grid**2, 2), config.grid, tile)
        which = (self.chance.uniform(index, stream=1) * config.permutations).long().to(x.device)
        order = self.permutations[which]  # [B, T]
        shuffled = tiles[torch.arange(len(x), device=x.device).unsqueeze(1), order]
        scores = self.head(tile_features(encoder, shuffled))
        return Losses(F.cross_entropy(at_least_float32(scores), which))
