"""Masked series: spans of time are hidden; their values are predicted from the steps around them.

Source: Zerveas et al. 2021 (arXiv:2010.02803), section 3.2: squared error of the hidden values alone.
Differs: spans hide all channels together (of several channels, the others would give a hidden one away); their number
is given and they are of one length, instead of drawn from a geometric distribution; a hidden value is a gap to the
encoder, so that later gaps are nothing new.
Letters: B samples on this rank, C channels, T time steps, E token size.
"""

from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.series import series_encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.temporal import mean_where, spans_of
from components.precision import at_least_float32


class MaskedSeriesConfig(Config):
    """Options of masked series."""

    name: Literal["masked_series"] = "masked_series"
    """Selects masked series (Zerveas et al. 2021, arXiv:2010.02803)."""

    hidden: float = Field(default=0.3, gt=0, lt=1)
    """Share of the time steps that are hidden, overlaps counted twice (published: 0.15)."""

    spans: PositiveInt = 3
    """Number of spans that are hidden in a series."""


class MaskedSeries(Drawing):
    needs = "series"

    def __init__(self, config: MaskedSeriesConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens of series."""
        super().__init__()
        self.config, series = config, series_encoder(encoder, "masked_series")
        self.head = nn.Linear(series.token_dim, series.channels)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] squared error of a hidden value, in deviations of its channel; 1 where the
        mean is predicted.

        Raises:
            UserError: not one view, or an encoder of something else.
        """
        view, series = only_view(batch, "masked_series"), series_encoder(encoder, "masked_series")
        hide = self.hide(series.padding(view), batch.index)
        target, gone = series.standardised(view)
        seen = view.masked_fill(hide.unsqueeze(1), torch.nan)
        predicted = self.head(series.tokens(seen)).transpose(1, 2)
        error = (at_least_float32(predicted) - target.detach()).square()
        return Losses(mean_where(error, hide.unsqueeze(1) & ~gone))

    def hide(self, padding: Tensor, index: Tensor) -> Tensor:
        """[B, T] bool: steps that are hidden."""
        begin = self.chance.uniform(index, self.config.spans).to(padding.device)
        return spans_of((~padding).sum(dim=1), self.config.hidden, begin, padding.shape[1])
