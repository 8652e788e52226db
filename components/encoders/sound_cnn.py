"""A small convolutional network on log-mel spectrograms.

Source: the CNNs of PANNs (Kong et al. 2020, arXiv:1912.10211), table 1: blocks of two 3 x 3 convolutions with batch
norm and ReLU, each at half the resolution of the one before, then the mean over frequencies, and mean and maximum over
time. Differs: the first convolution of a block has stride 2 in place of average pooling behind it, which costs a
quarter; mean and maximum stand side by side; dB are scaled by constants in place of a batch norm of the input; what
lies behind the end of a sound is zero at the input of each block and left out of mean and maximum.
Letters: B samples, C channels, T values of a view, D feature size, M mel bands, F frames.
"""

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from components.encoders.conv import Conv2d
from components.encoders.norm import BatchNorm
from components.encoders.sound import SpectrumConfig, SpectrumEncoder, over_time
from components.encoders.start import Start
from components.modalities.sound.config import SoundPacking


class SoundCnnConfig(SpectrumConfig):
    """A convolutional network on log-mel spectrograms: 290 thousand parameters by default."""

    name: Literal["sound_cnn"] = "sound_cnn"
    """Selects a convolutional network on log-mel spectrograms."""

    widths: tuple[PositiveInt, ...] = Field(default=(16, 32, 64, 128), min_length=1)
    """Channels of each block; each halves the resolution in time and frequency (published, for Cnn10: 64, 128, 256,
    512)."""

    start: Start | None = None
    """Weights that training begins from; null: random initialisation."""


class SoundCnn(SpectrumEncoder):
    """[B, C, T] -> [B, D], D twice the last width."""

    def __init__(self, config: SoundCnnConfig, packing: SoundPacking) -> None:
        super().__init__(config, packing)
        inputs = (packing.channels, *config.widths)
        self.blocks = nn.ModuleList([HalvingBlock(before, after) for before, after in pairwise(inputs)])
        self.feature_dim = 2 * config.widths[-1]

    def forward(self, view: Tensor) -> Tensor:
        x, inside = self.spectrum(view)
        for block in self.blocks:
            inside = inside[:, ::2]
            x = block(x) * inside[:, None, None].to(x.dtype)
        return torch.cat(over_time(x.mean(dim=2), inside), dim=1)


class HalvingBlock(nn.Module):
    """[B, C, M, F] -> [B, E, M / 2, F / 2], rounded up."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm1 = BatchNorm(outputs)
        self.conv2 = Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = BatchNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(x)))
