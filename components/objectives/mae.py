"""MAE: most patches are hidden; the encoder sees the others, and a small decoder says what the hidden show.

Source: He et al. 2021 (arXiv:2111.06377), section 3; the target is each patch with its own mean and deviation
taken away (section 3 and table 1d), its variance over n - 1 and 1e-6 added to it as in the paper's code.
Published: 75 % hidden, a decoder of 8 blocks, 512 wide with 16 heads; crops and flips alone. Here: 2 blocks,
64 wide with 4 heads; half as wide as the default encoder, as published.
Differs: a class token, where the encoder has one, is not decoded.
Letters: B samples on this rank, C channels, P side of a patch, T patches, n hidden, E token size, W decoder
width.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder, image_encoder
from components.encoders.vit import Block, begin, positions
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.parts.masks import largest, patches, token_encoder, visible
from components.objectives.parts.one_view import Drawing, only_view
from components.precision import at_least_float32


class MaeConfig(Config):
    """Options of masked autoencoders."""

    name: Literal["mae"] = "mae"
    """Selects masked autoencoders (He et al. 2021, arXiv:2111.06377)."""

    hidden: float = Field(default=0.75, gt=0, lt=1)
    """Share of the patches that are masked (published: 0.75)."""

    width: int = Field(default=64, multiple_of=4, gt=0)
    """Token size of the decoder (published: 512)."""

    depth: PositiveInt = 2
    """Number of the decoder's blocks (published: 8)."""

    heads: PositiveInt = 4
    """Attention heads of the decoder (published: 16)."""

    normalise: bool = True
    """Normalise the target of each patch by its own mean and variance, as published."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "MaeConfig":
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        return self


def normalised(target: Tensor) -> Tensor:
    """[B, T, n] -> the same, each row of n >= 2 numbers of mean 0 and variance 1 (over n - 1).

    (0, 2) becomes (-.7071, .7071); a constant row becomes 0.
    """
    return (target - target.mean(dim=2, keepdim=True)) * (target.var(dim=2, keepdim=True) + 1e-6).rsqrt()


def hidden_error(prediction: Tensor, target: Tensor, hidden: Tensor) -> Tensor:
    """[] mean squared error over hidden patches alone.

    prediction, target: [B, T, n]. hidden: [B, T] bool. Of a prediction of 0: (n - 1) / n for targets that are
    `normalised`.
    """
    return (at_least_float32(prediction)[hidden] - at_least_float32(target)[hidden]).square().mean()


class Mae(Drawing):
    needs = "patches"

    def __init__(self, config: MaeConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens, or its patches are single numbers."""
        super().__init__()
        self.config, width = config, config.width
        tokens = token_encoder(encoder, "mae")
        self.numbers = tokens.channels * tokens.patch**2
        if self.numbers < 2 and config.normalise:
            raise UserError(
                "patch-too-small",
                "mae cannot normalise a patch of one number; take a larger patch, or normalise: false",
            )
        self.enter, self.leave = nn.Linear(tokens.token_dim, width), nn.Linear(width, self.numbers)
        self.token = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.ModuleList([Block(width, config.heads) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.apply(begin)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] squared deviations of a number of a hidden patch.

        Raises:
            UserError: not one view, a size that patches do not fill, or an encoder without tokens.
        """
        x, tokens = only_view(batch, "mae"), token_encoder(encoder, "mae")
        grid = x.shape[2] // tokens.patch, x.shape[3] // tokens.patch
        hidden = largest(self.chance.uniform(batch.index, grid[0] * grid[1]), self.config.hidden).to(x.device)
        kept = visible(hidden)
        prediction = self.decoded(tokens.tokens(x, kept=kept), kept, grid)
        target = patches(image_encoder(encoder).standardised(x).detach(), tokens.patch)
        target = normalised(target) if self.config.normalise else target
        with torch.autocast(x.device.type, enabled=False):
            return Losses(hidden_error(prediction, target, hidden))

    def decoded(self, seen: Tensor, kept: Tensor, grid: tuple[int, int]) -> Tensor:
        """[B, T - n, E] tokens of the patches `kept` [B, T - n] -> [B, T, C P P] what every patch shows."""
        known = self.enter(seen)
        place = kept.unsqueeze(2).expand_as(known)
        every = self.token.to(known.dtype).expand(len(known), grid[0] * grid[1], -1).scatter(1, place, known)
        every = every + positions(*grid, self.config.width).to(every)
        for block in self.blocks:
            every = block(every)
        found: Tensor = self.leave(self.norm(every))
        return found
