"""The network of wav2vec 2.0: convolutions over the waveform, then a transformer over what they find.

Source: Baevski et al. 2020 (arXiv:2006.11477), section 2, with the convolutions of section 4.2 (strides 5, 2, 2, 2, 2,
2, 2, kernels 10, 3, 3, 3, 3, 2, 2: a latent each 20 ms at 16 kHz) and positions by a grouped convolution; layer norm in
each convolution and before each part of a block, as the large published models have it. Published: 512 channels, 12
blocks of width 768, positions over 128 latents in 16 groups. Differs: layer norm over channels alone needs no statistic
over time, so that padding changes no latent; the feature is the mean over latents.
Letters: B samples, C channels, T values of a view, L latents, H channels of the convolutions, E width, D = E.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.start import Start
from components.encoders.vit import Block, begin
from components.errors import UserError
from components.modalities.sound.augment import lengths_of
from components.modalities.sound.config import SoundPacking

KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)


class SoundWaveConfig(Config):
    """A small network of wav2vec 2.0's kind: 930 thousand parameters by default."""

    name: Literal["sound_wave"] = "sound_wave"
    """Selects convolutions over the waveform and a transformer."""

    channels: PositiveInt = 64
    """Channels H of each convolution (published: 512)."""

    width: int = Field(default=128, gt=0)
    """Token size E; a multiple of `heads` and of `groups` (published: 768)."""

    depth: PositiveInt = 4
    """Number of transformer blocks (published: 12)."""

    heads: PositiveInt = 4
    """Attention heads of each block (published: 12)."""

    reach: int = Field(default=32, ge=2)
    """Latents that the convolution for positions covers, an even number (published: 128)."""

    groups: PositiveInt = 8
    """Groups of that convolution (published: 16)."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "SoundWaveConfig":
        if self.width % self.heads or self.width % self.groups:
            raise ValueError(
                f"width must be a multiple of heads and of groups, got {self.width}, {self.heads} and {self.groups}"
            )
        if self.reach % 2:
            raise ValueError(f"reach must be even, got {self.reach}")
        return self


class SoundWave(Encoder):
    """[B, C, T] waveforms, NaN is padding -> [B, E]. latent_dim: H. token_dim: E."""

    modality = "sound"

    def __init__(self, config: SoundWaveConfig, packing: SoundPacking) -> None:
        super().__init__(packing)
        self.latent_dim, self.token_dim, self.feature_dim = config.channels, config.width, config.width
        inputs = (packing.channels, *[config.channels] * (len(KERNELS) - 1))
        self.convolutions = nn.ModuleList(
            [
                LatentLayer(before, config.channels, kernel, stride)
                for before, kernel, stride in zip(inputs, KERNELS, STRIDES, strict=True)
            ]
        )
        self.latent_norm, self.enter = nn.LayerNorm(config.channels), nn.Linear(config.channels, config.width)
        self.near = nn.Conv1d(
            config.width, config.width, config.reach, padding=config.reach // 2, groups=config.groups
        )
        self.blocks = nn.ModuleList([Block(config.width, config.heads) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(config.width)
        for part in (self.enter, self.blocks):
            part.apply(begin)

    def latents(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, T] -> what the convolutions find [B, L, H], and [B, L] bool, true where all of it is of the sound; of
        a sound that is too short for one latent the first one counts."""
        count = lengths_of(view)
        x = F.pad(standardised(view), (0, max(0, receptive() - view.shape[2])))
        for layer, kernel, stride in zip(self.convolutions, KERNELS, STRIDES, strict=True):
            x, count = layer(x), torch.div(count - kernel, stride, rounding_mode="floor") + 1
        inside = torch.arange(x.shape[2], device=view.device) < count.clamp(min=1).unsqueeze(1)
        return x.transpose(1, 2), inside

    def contextual(
        self, latents: Tensor, inside: Tensor, *, hidden: Tensor | None = None, token: Tensor | None = None
    ) -> Tensor:
        """Normalised latents [B, L, H] -> [B, L, E] after the last norm.

        Args:
            inside: [B, L] bool, the latents that may be attended to. hidden: [B, L] bool, those that `token` [E] stands
                for; the token is the objective's.
        """
        x = self.enter(latents)
        if hidden is not None:
            assert token is not None
            x = torch.where(hidden.unsqueeze(2), token.to(x.dtype), x)
        x = x * inside.unsqueeze(2).to(x.dtype)
        around = self.near(x.transpose(1, 2))[:, :, : x.shape[1]]
        x = x + F.gelu(around).transpose(1, 2)
        for block in self.blocks:
            x = block(x, inside[:, None, None, :])
        found: Tensor = self.norm(x)
        return found

    def forward(self, view: Tensor) -> Tensor:
        latents, inside = self.latents(view)
        tokens = self.contextual(self.latent_norm(latents), inside)
        weight = inside.unsqueeze(2).to(tokens.dtype)
        return (tokens * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


class LatentLayer(nn.Module):
    """[B, C, T] -> [B, H, (T - kernel) // stride + 1]: convolution, layer norm over channels, GELU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride=stride, bias=False)
        nn.init.kaiming_normal_(self.conv.weight)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.norm(self.conv(x).transpose(1, 2)).transpose(1, 2))


def standardised(view: Tensor) -> Tensor:
    """[B, C, T] -> each sound of mean 0 and deviation 1 over its own frames and channels, 0 behind its end."""
    there = ~view.isnan()
    count = there.sum(dim=(1, 2), keepdim=True).clamp(min=1)
    filled = view.masked_fill(~there, 0)
    centred = (filled - filled.sum(dim=(1, 2), keepdim=True) / count).masked_fill(~there, 0)
    variance = centred.square().sum(dim=(1, 2), keepdim=True) / count
    return centred * (variance + 1e-7).rsqrt()


def receptive() -> int:
    """Frames that one latent sees: 400."""
    seen = 1
    for kernel, stride in zip(reversed(KERNELS), reversed(STRIDES), strict=True):
        seen = (seen - 1) * stride + kernel
    return seen


def wave_encoder(encoder: Encoder, name: str) -> SoundWave:
    """The encoder, which finds latents in waveforms.

    Raises:
        UserError: it does not; `name` is the objective's.
    """
    if not isinstance(encoder, SoundWave):
        raise UserError(
            "encoder-unsuitable",
            f"{name} predicts latents of the waveform and needs the encoder sound_wave, got {type(encoder).__name__};"
            " set encoder to {name: sound_wave}, or take another objective",
        )
    return encoder
