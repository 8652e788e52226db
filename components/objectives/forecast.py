"""Forecasting: from the steps up to each, the values of the next ones are predicted.

Source: autoregressive prediction as pretext task, as in the next-step term of Laptev et al. 2017 and of TimeNet-type
encoders (Malhotra et al. 2017, arXiv:1706.08838); squared error of values in deviations of their channel, averaged over
`steps` horizons.
Letters: B samples on this rank, C channels, T time steps, K horizons, E token size.
"""

from typing import Literal

from pydantic import PositiveInt
from torch import nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.series import series_encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.one_view import Single, only_view
from components.objectives.parts.temporal import mean_where
from components.precision import at_least_float32


class ForecastConfig(Config):
    """Options of forecasting."""

    name: Literal["forecast"] = "forecast"
    """Selects forecasting of the next steps."""

    steps: PositiveInt = 4
    """Number K of steps ahead, each predicted by a linear layer of its own."""


class Forecast(Single):
    needs = "series"

    def __init__(self, config: ForecastConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder gives no tokens of series, or they see what comes."""
        super().__init__()
        self.config, series = config, series_encoder(encoder, "forecast", causal=True)
        self.head = nn.Linear(series.token_dim, config.steps * series.channels)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] squared error of a value, mean over horizons; 1 where the mean is predicted.

        A horizon beyond the end of all series counts as 0.

        Raises:
            UserError: not one view, or an encoder of something else.
        """
        view, series = only_view(batch, "forecast"), series_encoder(encoder, "forecast", causal=True)
        target, gone = series.standardised(view)
        found = self.head(series.tokens(view)).unflatten(2, (self.config.steps, series.channels))
        predicted, steps = at_least_float32(found).permute(2, 0, 3, 1), view.shape[2]  # [K, B, C, T]
        losses = [
            mean_where((one[..., : max(0, steps - k)] - target[..., k:].detach()).square(), ~gone[..., k:])
            for k, one in enumerate(predicted, start=1)
        ]
        total = sum(losses[1:], losses[0]) / len(losses)
        return Losses(total, {"next": losses[0].detach()})
