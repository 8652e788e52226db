"""Means and standard deviations of MFCCs and of their slopes: the features of the baseline for sounds.

Source: Davis & Mermelstein 1980 (doi:10.1109/TASSP.1980.1163420); statistics over time, as in the baseline of ESC-50
(Piczak 2015, doi:10.1145/2733373.2806390). Nothing is trained: `fit` takes the mean and deviation of each feature over
the training samples, by which they are standardised.
Letters: B samples, C channels, T values of a view, Q coefficients, D features.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor

from components.encoders.sound import MIDDLE, SPREAD, SpectrumConfig, SpectrumEncoder
from components.modalities.sound.config import SoundPacking
from components.modalities.sound.log_mel import cosines, moments, slopes


class MfccConfig(SpectrumConfig):
    """Statistics of MFCCs."""

    name: Literal["mfcc"] = "mfcc"
    """Selects statistics of MFCCs."""

    coefficients: PositiveInt = 20
    """MFCCs of a frame, the first of them its level."""


class Mfcc(SpectrumEncoder):
    """[B, C, T] -> [B, 4 Q]: mean and deviation of the MFCCs, then of their slopes, of the mean over channels."""

    learnt = False
    rows: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, config: MfccConfig, packing: SoundPacking) -> None:
        super().__init__(config, packing)
        count = min(config.coefficients, config.mels)
        self.feature_dim = 4 * count
        self.register_buffer("rows", cosines(config.mels, count), persistent=False)
        self.register_buffer("mean", torch.zeros(self.feature_dim))
        self.register_buffer("std", torch.ones(self.feature_dim))

    def fit(self, views: Iterable[Tensor]) -> None:
        count, total = 0, torch.zeros(self.feature_dim, dtype=torch.float64)
        squares = torch.zeros_like(total)
        for view in views:
            found = self.statistics(view).double()
            count, total, squares = count + len(found), total + found.sum(0), squares + found.square().sum(0)
        mean = total / max(1, count)
        self.mean.copy_(mean)
        deviation = (squares / max(1, count) - mean.square()).clamp(min=0).sqrt()
        self.std.copy_(torch.where(deviation > 1e-6, deviation, 1.0))

    def statistics(self, view: Tensor) -> Tensor:
        """[B, 4 Q] as they are, in dB."""
        mono = view.mean(dim=1, keepdim=True)
        scaled, inside = self.spectrum(mono)
        coefficients = self.rows @ (scaled[:, 0] * SPREAD + MIDDLE)
        return moments([coefficients, slopes(coefficients, inside.sum(dim=1))], inside)

    def forward(self, view: Tensor) -> Tensor:
        return (self.statistics(view) - self.mean) / self.std
