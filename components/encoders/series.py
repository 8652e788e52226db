"""Encoders of series: what of a view is a value, a gap or behind the end.

Letters: B samples, C channels, T time steps of the longest of a batch.
"""

import torch
from torch import Tensor

from components.encoders.base import Encoder, SequenceEncoder
from components.errors import UserError
from components.modalities.series.config import SeriesPacking
from components.modalities.series.views import lengths


class Scaled(Encoder):
    """[B, C, T] float32, NaN is a gap or behind the end -> features [B, D]. channels: C.

    mean, std: [C, 1] of the training samples; buffers, so that a trained encoder keeps those it was trained with.
    """

    modality = "series"
    packing: SeriesPacking
    mean: Tensor
    std: Tensor

    def __init__(self, packing: SeriesPacking) -> None:
        super().__init__(packing)
        self.channels, self.by_series = packing.channels, packing.read_as.scale == "series"
        self.register_buffer("mean", torch.tensor(packing.mean).unsqueeze(1))
        self.register_buffer("std", torch.tensor(packing.std).unsqueeze(1))

    def standardised(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """Values [B, C, T] of mean 0 and deviation 1, 0 where there is none; and where there is none [B, C, T] bool."""
        gone = view.isnan()
        mean, std = self.moments(view, gone) if self.by_series else (self.mean, self.std)
        return ((view - mean) / std).masked_fill(gone, 0.0), gone

    def moments(self, view: Tensor, gone: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, 1] mean and standard deviation of each channel of each series; 1 where it does not vary."""
        count = (~gone).sum(dim=2, keepdim=True).clamp(min=1)
        mean = view.masked_fill(gone, 0.0).sum(dim=2, keepdim=True) / count
        off = (view - mean).masked_fill(gone, 0.0)
        std = (off.square().sum(dim=2, keepdim=True) / count).sqrt()
        constant = std <= 1e-6 * (mean.abs() + self.std)
        return mean, std.masked_fill(constant, 1.0)


class SeriesEncoder(Scaled, SequenceEncoder):
    """An encoder that gives tokens, one a time step. causal: whether a token depends on those before it alone."""

    causal: bool

    def padding(self, view: Tensor) -> Tensor:
        """[B, C, T] -> [B, T] bool, true behind the last value of a series."""
        at = torch.arange(view.shape[2], device=view.device)
        return at >= lengths(view).unsqueeze(1)


def series_encoder(encoder: Encoder, name: str, *, causal: bool = False) -> SeriesEncoder:
    """The encoder, which gives tokens of series. causal: of the steps up to each alone.

    Raises:
        UserError: it does not; `name` is the objective's.
    """
    if not isinstance(encoder, SeriesEncoder):
        raise UserError(
            "encoder-unsuitable",
            f"{name} needs an encoder that gives tokens of series, got {type(encoder).__name__}; set encoder to"
            " series_conv, or take another objective",
        )
    if causal and not encoder.causal:
        raise UserError(
            "encoder-unsuitable",
            f"{name} predicts what comes next and needs an encoder whose tokens see only the steps up to theirs; set"
            " encoder to {name: series_conv, causal: true}",
        )
    return encoder
