"""MaskFeat: say the histogram of oriented gradients (HOG) of the patches that are hidden.

Source: Wei et al. 2021 (arXiv:2112.09133), sections 3 and 4; HOG: Dalal & Triggs 2005, 9 unsigned
orientations, each cell of each channel at length 1, as in the paper's code.
Published: 40 % hidden in blocks, cells of 8 pixels in patches of 16, crops and flips alone. Here a cell is a
whole patch unless said otherwise, for patches of 4 pixels.
Differs: blocks are cells of a coarser grid (see masks); gradients are not weighted by a window before they
are counted.
Letters: B samples on this rank, C channels, S side, P side of a patch, T patches, E token size, N
orientations, c side of a cell, k = P / c cells along a patch.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.mae import hidden_error
from components.objectives.parts.masks import largest, patches, priorities, token_encoder
from components.objectives.parts.one_view import Drawing, only_view
from components.precision import at_least_float32


class MaskfeatConfig(Config):
    """Options of MaskFeat."""

    name: Literal["maskfeat"] = "maskfeat"
    """Selects MaskFeat (Wei et al. 2021, arXiv:2112.09133)."""

    hidden: float = Field(default=0.4, gt=0, lt=1)
    """Share of the patches that are masked (published: 0.4)."""

    block: PositiveInt = 2
    """Side, in patches, of the blocks that are masked together."""

    cell: PositiveInt | None = None
    """Side of a HOG cell in pixels; null: a whole patch (published: 8 in patches of 16)."""

    orientations: int = Field(default=9, ge=2)
    """Number of unsigned orientations of a histogram (published: 9)."""


def hog(x: Tensor, cell: int, orientations: int) -> Tensor:
    """Histograms of oriented gradients: of each cell and channel, lengths of gradients by their direction.

    The gradient of a pixel is the difference of its two neighbours; beyond the border the image is reflected.
    Bin floor(N angle / pi) mod N, the angle being that from the vertical, so that a ramp along the columns
    falls into bin floor(N / 2) and one along the rows into bin 0.

    Args:
        x: [B, C, S, S], S a multiple of `cell`, which is c.

    Returns:
        [B, C, N, S / c, S / c] float32 or wider, of length 1 along N; 0 where the cell is constant.
    """
    x = F.pad(at_least_float32(x), (1, 1, 1, 1), mode="reflect")
    across, down = x[..., 1:-1, 2:] - x[..., 1:-1, :-2], x[..., 2:, 1:-1] - x[..., :-2, 1:-1]
    angle = torch.atan2(across, down) / math.pi * orientations
    which = angle.floor().long().remainder(orientations).unsqueeze(2)
    votes = across.new_zeros(*x.shape[:2], orientations, *across.shape[2:])
    votes = votes.scatter(2, which, torch.hypot(across, down).unsqueeze(2))
    counted = F.avg_pool2d(votes.flatten(1, 2), cell)
    return F.normalize(counted.view(*votes.shape[:3], *counted.shape[2:]), dim=2)


class Maskfeat(Drawing):
    needs = "patches"

    def __init__(self, config: MaskfeatConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens, or a patch is not made of whole cells."""
        super().__init__()
        self.config = config
        tokens = token_encoder(encoder, "maskfeat")
        self.cell = config.cell or tokens.patch
        if tokens.patch % self.cell:
            raise UserError(
                "size-not-divisible",
                f"maskfeat needs a patch of whole cells, got a patch of {tokens.patch} and cells of "
                f"{self.cell} pixels; set cell to a divisor of the encoder's patch",
            )
        cells = (tokens.patch // self.cell) ** 2
        self.token = nn.Parameter(0.02 * torch.randn(tokens.token_dim))
        self.leave = nn.Linear(tokens.token_dim, tokens.channels * config.orientations * cells)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] squared deviations of a number of a hidden patch's histograms.

        Raises:
            UserError: not one view, a size that patches do not fill, or an encoder without tokens.
        """
        x, tokens, config = only_view(batch, "maskfeat"), token_encoder(encoder, "maskfeat"), self.config
        grid = x.shape[2] // tokens.patch, x.shape[3] // tokens.patch
        coarse = self.chance.uniform(batch.index, *(-(-side // config.block) for side in grid))
        fine = self.chance.uniform(batch.index, *grid, stream=1)
        hidden = largest(priorities(fine, coarse, config.block), config.hidden).to(x.device)
        prediction = self.leave(tokens.tokens(x, masked=hidden, token=self.token))
        with torch.no_grad():
            histograms = hog(x, self.cell, config.orientations).flatten(1, 2)
            target = patches(histograms, tokens.patch // self.cell)
        with torch.autocast(x.device.type, enabled=False):
            return Losses(hidden_error(prediction, target, hidden))
