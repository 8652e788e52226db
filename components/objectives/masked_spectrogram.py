"""Audio-MAE: most patches of a spectrogram are hidden; the encoder sees the others, and a small decoder predicts them.

Source: Huang et al. 2022 (arXiv:2207.06405), section 3: patches hidden at random, 80 % of them, the error of hidden
patches alone, each normalised by its own mean and variance. Published: a decoder of 16 blocks, 512 wide, whose
attention is local; here it is that of MAE (components/objectives/mae.py), small and global.
Differs: sounds of unequal length: the share is of a sound's own patches, and what lies behind its end is neither seen
nor predicted.
Letters: B samples on this rank, n patches, k of them that are seen, P side of a patch, C channels, E token size, W
decoder width.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.sound_vit import SoundVit
from components.encoders.vit import Block, begin, positions
from components.errors import UserError
from components.objectives.base import Batch, Losses
from components.objectives.mae import normalised
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.token_masks import mean_over_tokens
from components.precision import at_least_float32


class MaskedSpectrogramConfig(Config):
    """Options of masked spectrograms."""

    name: Literal["masked_spectrogram"] = "masked_spectrogram"
    """Selects masked spectrograms (Audio-MAE, Huang et al. 2022, arXiv:2207.06405)."""

    hidden: float = Field(default=0.8, gt=0, lt=1)
    """Share of the patches that are hidden (published: 0.8)."""

    width: int = Field(default=64, multiple_of=4, gt=0)
    """Token size of the decoder (published: 512)."""

    depth: PositiveInt = 2
    """Number of the decoder's blocks (published: 16)."""

    heads: PositiveInt = 4
    """Attention heads of the decoder (published: 16)."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "MaskedSpectrogramConfig":
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        return self


def split(numbers: Tensor, inside: Tensor, hidden: float) -> tuple[Tensor, Tensor]:
    """Which patches are seen: kept [B, k] int64, and [B, k] bool, which of these places are in use.

    Of a sound with m patches inside, m - round(hidden m) are seen, the ones of the smallest numbers, but one at least.

    Args:
        numbers: [B, n] in [0, 1). inside: [B, n] bool.
    """
    own = inside.sum(dim=1)
    seen = (own - (hidden * own).round().long()).clamp(min=1)
    most = max(1, numbers.shape[1] - round(hidden * numbers.shape[1]))
    kept = numbers.masked_fill(~inside, 2).argsort(dim=1, stable=True)[:, :most]
    return kept, torch.arange(most, device=numbers.device) < seen.unsqueeze(1)


class MaskedSpectrogram(Drawing):
    needs = "sound"

    def __init__(
        self, config: MaskedSpectrogramConfig, encoder: Encoder, rows: int = 0, size: int = 0
    ) -> None:
        """Raises UserError: the encoder sees no patches of spectrograms."""
        super().__init__()
        self.config, width, vit = config, config.width, patch_encoder(encoder)
        self.enter, self.leave = nn.Linear(vit.token_dim, width), nn.Linear(width, vit.numbers)
        self.token = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.ModuleList([Block(width, config.heads) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.apply(begin)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] squared deviations of a number of a hidden patch.

        Raises:
            UserError: not one view, or an encoder without patches of spectrograms.
        """
        vit = patch_encoder(encoder)
        numbers, inside = vit.patches(only_view(batch, "masked_spectrogram"))
        chance = self.chance.uniform(batch.index, numbers.shape[1]).to(numbers.device)
        kept, used = split(chance, inside, self.config.hidden)
        prediction = self.decoded(
            vit.encoded(numbers, used, kept), kept, used, inside, vit.bands // vit.patch
        )
        hidden = inside & ~placed(used, kept, inside.shape[1])
        target = normalised(at_least_float32(numbers.detach()))
        with torch.autocast(numbers.device.type, enabled=False):
            each = (at_least_float32(prediction) - target).square().mean(dim=2)
            return Losses(mean_over_tokens(each[hidden]))

    def decoded(self, seen: Tensor, kept: Tensor, used: Tensor, inside: Tensor, rows: int) -> Tensor:
        """[B, k, E] tokens of the patches `kept` that are `used` [B, k] -> [B, n, C P P] what every patch shows.

        inside: [B, n] bool. rows: of the grid of patches.
        """
        known = self.enter(seen)
        count = inside.shape[1]
        place = kept.unsqueeze(2).expand_as(known)
        every = known.new_zeros(len(known), count, known.shape[2]).scatter(1, place, known)
        every = torch.where(placed(used, kept, count).unsqueeze(2), every, self.token.to(known.dtype))
        every = every + positions(rows, count // rows, self.config.width).to(every)
        for block in self.blocks:
            every = block(every, inside[:, None, None, :])
        found: Tensor = self.leave(self.norm(every))
        return found


def placed(used: Tensor, kept: Tensor, count: int) -> Tensor:
    """[B, k] bool at places kept [B, k] -> [B, count] bool, false elsewhere."""
    return used.new_zeros(len(used), count).scatter(1, kept, used)


def patch_encoder(encoder: Encoder) -> SoundVit:
    """The encoder, which sees patches of spectrograms.

    Raises:
        UserError: it does not.
    """
    if not isinstance(encoder, SoundVit):
        raise UserError(
            "encoder-unsuitable",
            "masked_spectrogram hides patches of a spectrogram and needs the encoder sound_vit, got "
            f"{type(encoder).__name__}; set encoder to {{name: sound_vit}}, or take another objective",
        )
    return encoder
