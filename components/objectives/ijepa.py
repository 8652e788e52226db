"""I-JEPA: from some patches of an image, predict what a slow teacher, who sees all of it, makes of others.

Source: Assran et al. 2023 (arXiv:2301.08243), section 3, and the authors' code: four rectangles of 15 to 20 % of the
patches, aspect .75 to 1.5; targets are the teacher's tokens under a layer norm without scale; smooth L1.
Published: a predictor of 12 blocks of 384 beside an encoder of 32 blocks of 1280, momentum .996 rising to 1. Here: 2
blocks of 64, and .99 for short runs (see byol); crops and flips alone, as published.
Differs: the context is what lies in no rectangle (published: of a random square of 85 to 100 % of the image), and has
as many patches in each sample as are left where no rectangles overlap (published: the fewest of the batch); corners may
lie at the last place of a side, which the authors' code never draws; the momentum rises by a cosine, not in a line.
Letters: B samples on this rank, T patches, R rectangles of m patches, n context patches, E token size, W predictor
width.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.vit import Block, begin, positions
from components.objectives.base import Batch, Losses
from components.objectives.parts.masks import token_encoder
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.rectangles import block_size, context, places
from components.objectives.parts.teacher import follow, rising, teacher_of
from components.precision import at_least_float32

ASPECT = (0.75, 1.5)


class IjepaConfig(Config):
    """Options of I-JEPA."""

    name: Literal["ijepa"] = "ijepa"
    """Selects I-JEPA (Assran et al. 2023, arXiv:2301.08243)."""

    targets: PositiveInt = 4
    """Rectangles of patches that are predicted (published: 4)."""

    scale: tuple[float, float] = (0.15, 0.2)
    """Smallest and largest share of the patches in a rectangle (published: 0.15 and 0.2); smaller where no context
    would be left."""

    width: int = Field(default=64, multiple_of=4, gt=0)
    """Token size of the predictor (published: 384)."""

    depth: PositiveInt = 2
    """Number of the predictor's blocks (published: 6 to 12)."""

    heads: PositiveInt = 4
    """Attention heads of the predictor (published: those of the encoder)."""

    momentum: float = Field(default=0.99, ge=0, le=1)
    """EMA momentum of the teacher at the start; it rises to 1 (published: 0.996)."""

    @model_validator(mode="after")
    def _fits(self) -> "IjepaConfig":
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        if not 0 < self.scale[0] <= self.scale[1] < 1:
            raise ValueError(f"scale must be two shares with 0 < first <= second < 1, got {self.scale}")
        return self


class Predictor(nn.Module):
    """Tokens of a context, and places -> tokens there: a narrow transformer over the context and one learnt token for
    each place."""

    def __init__(self, width: int, depth: int, heads: int, token_dim: int) -> None:
        super().__init__()
        self.width = width
        self.enter, self.leave = nn.Linear(token_dim, width), nn.Linear(width, token_dim)
        self.token = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.apply(begin)

    def forward(self, seen: Tensor, kept: Tensor, wanted: Tensor, grid: tuple[int, int]) -> Tensor:
        """[B, n, E] tokens of the patches `kept` [B, n] -> [B, R, m, E] those of `wanted` [B, R, m].

        Each rectangle is predicted by itself: the tokens of another are not seen.
        """
        known = self.enter(seen)
        where = positions(*grid, self.width).to(known)
        known = (known + where[kept]).repeat_interleave(wanted.shape[1], dim=0)  # [B R, n, W]
        asked = self.token.to(known.dtype) + where[wanted.flatten(0, 1)]  # [B R, m, W]
        x = torch.cat([known, asked], dim=1)
        for block in self.blocks:
            x = block(x)
        found: Tensor = self.leave(self.norm(x[:, known.shape[1] :]))
        return found.view(*wanted.shape, -1)


class Ijepa(Drawing):
    """teacher: an encoder that follows the student's."""

    needs = "patches"

    def __init__(self, config: IjepaConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens."""
        super().__init__()
        self.config, tokens = config, token_encoder(encoder, "ijepa")
        self.predictor = Predictor(config.width, config.depth, config.heads, tokens.token_dim)
        self.teacher = teacher_of(encoder)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] smooth L1 of a number of a target token.

        Raises:
            UserError: not one view, a size that patches do not fill, too few patches, or an encoder without tokens.
        """
        x, student = only_view(batch, "ijepa"), token_encoder(encoder, "ijepa")
        grid = x.shape[2] // student.patch, x.shape[3] // student.patch
        wanted, kept = (part.to(x.device) for part in self.cut(batch.index, grid))
        prediction = self.predictor(student.tokens(x, kept=kept), kept, wanted, grid)
        with torch.no_grad():
            told = at_least_float32(token_encoder(self.teacher, "ijepa").tokens(x))
            target = F.layer_norm(told, told.shape[-1:])
            place = wanted.flatten(1).unsqueeze(2).expand(-1, -1, target.shape[2])
            target = target.gather(1, place).view_as(prediction)
        with torch.autocast(x.device.type, enabled=False):
            return Losses(F.smooth_l1_loss(at_least_float32(prediction), target))

    def cut(self, index: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The rectangles [B, R, m] and the context [B, n] of the samples `index` [B] at this step."""
        config = self.config
        share, aspect = self.chance.uniform(index.new_zeros(1), 2, stream=2)[0].tolist()
        low, high = config.scale
        size = block_size(
            grid, low + share * (high - low), ASPECT[0] + aspect * (ASPECT[1] - ASPECT[0]), config.targets
        )
        wanted = places(self.chance.uniform(index, config.targets, 2), size, grid)
        return wanted, context(wanted, self.chance.uniform(index, grid[0] * grid[1], stream=1))

    def after_step(self, encoder: Encoder, progress: float) -> None:
        super().after_step(encoder, progress)
        follow(self.teacher, encoder, rising(self.config.momentum, progress))

    def exported(self, encoder: Encoder) -> Encoder:
        """The teacher: what the paper evaluates."""
        return self.teacher
