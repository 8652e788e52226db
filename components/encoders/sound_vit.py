"""A vision transformer on log-mel spectrograms.

Sources: Audio Spectrogram Transformer (Gong et al. 2021, arXiv:2104.01778) on patches that do not overlap, with fixed
positions, as Audio-MAE has it (Huang et al. 2022, arXiv:2207.06405, section 3). Published: patches of 16 x 16, 12
blocks of width 768. Differs: patches behind the end of a sound are attended to by none; the feature is the mean of the
others.
Letters: B samples, C channels, T values of a view, M mel bands, F frames, P side of a patch, h x w the grid of patches,
n = h w patches, E width, D = E.
"""

from typing import Literal

import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.encoders.sound import SpectrumConfig, SpectrumEncoder
from components.encoders.start import Start
from components.encoders.vit import Block, begin, positions
from components.modalities.sound.config import SoundPacking


class SoundVitConfig(SpectrumConfig):
    """A vision transformer on log-mel spectrograms: 830 thousand parameters by default."""

    name: Literal["sound_vit"] = "sound_vit"
    """Selects a vision transformer on log-mel spectrograms."""

    width: int = Field(default=128, multiple_of=4, gt=0)
    """Token size E, a multiple of 4 and of `heads`."""

    depth: PositiveInt = 4
    """Number of transformer blocks."""

    heads: PositiveInt = 4
    """Attention heads of each block."""

    patch: PositiveInt = 16
    """Side P of a patch, in mel bands and in frames; divides `mels`."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "SoundVitConfig":
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width} and {self.heads}")
        if self.mels % self.patch:
            raise ValueError(f"mels must be a multiple of patch, got {self.mels} and {self.patch}")
        return self


class SoundVit(SpectrumEncoder):
    """[B, C, T] -> [B, E]. patch: P. token_dim: E. numbers: C P P, of a patch."""

    def __init__(self, config: SoundVitConfig, packing: SoundPacking) -> None:
        super().__init__(config, packing)
        self.patch, self.token_dim, self.feature_dim = config.patch, config.width, config.width
        self.numbers = packing.channels * config.patch**2
        self.patch_embed = nn.Linear(self.numbers, config.width)
        self.blocks = nn.ModuleList([Block(config.width, config.heads) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.apply(begin)

    def patches(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, T] -> the numbers of each patch [B, n, C P P], mel bands first, of a spectrogram that is filled with
        zeros to whole patches; and [B, n] bool, true where a patch holds a frame of the sound."""
        found, inside = self.spectrum(view)
        found = F.pad(found, (0, -found.shape[3] % self.patch))
        cut = found.unfold(2, self.patch, self.patch).unfold(3, self.patch, self.patch)  # [B, C, h, w, P, P]
        numbers = cut.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
        begins = inside[:, :: self.patch]
        return numbers, begins.repeat(1, self.bands // self.patch)

    def encoded(self, numbers: Tensor, inside: Tensor, kept: Tensor | None = None) -> Tensor:
        """[B, n, C P P] -> tokens [B, n', E] after the last norm.

        Args:
            inside: [B, n'] bool, the tokens that may be attended to; one at least.
            kept: [B, n'] int64, the patches that are encoded, in this order; all n where None.
        """
        rows = self.bands // self.patch
        x = self.patch_embed(numbers) + positions(rows, numbers.shape[1] // rows, self.token_dim).to(numbers)
        if kept is not None:
            x = x.gather(1, kept.unsqueeze(2).expand(-1, -1, self.token_dim))
        for block in self.blocks:
            x = block(x, inside[:, None, None, :])
        found: Tensor = self.norm(x)
        return found

    def forward(self, view: Tensor) -> Tensor:
        numbers, inside = self.patches(view)
        weight = inside.unsqueeze(2).to(numbers.dtype)
        total: Tensor = (self.encoded(numbers, inside) * weight).sum(dim=1)
        return total / weight.sum(dim=1).clamp(min=1)
