"""Forecasting: every horizon against a loop."""

import pytest
import torch

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.forecast import Forecast, ForecastConfig
from tests.components.objectives.series import CAUSAL, CONV, make, series


@pytest.mark.parametrize("steps", [1, 3])
def test_the_loss_is_the_mean_over_horizons_of_the_squared_error_of_what_is_there(steps):
    encoder, objective = make(Forecast, ForecastConfig(steps=steps), CAUSAL)
    view = series()
    values, gone = encoder.standardised(view)
    predicted = objective.head(encoder.tokens(view)).reshape(8, 16, steps, 2)
    horizons = []
    for k in range(1, steps + 1):
        errors = [
            (predicted[b, t, k - 1, c] - values[b, c, t + k]) ** 2
            for b in range(8) for t in range(16 - k) for c in range(2) if not gone[b, c, t + k]
        ]  # fmt: skip
        horizons.append(torch.stack(errors).mean())
    losses = objective(encoder, Batch([view], torch.arange(8)))
    torch.testing.assert_close(losses.total, torch.stack(horizons).mean())
    torch.testing.assert_close(losses.parts["next"], horizons[0].detach())


def test_series_shorter_than_the_horizons():
    encoder, objective = make(Forecast, ForecastConfig(steps=5), CAUSAL)
    assert torch.isfinite(objective(encoder, Batch([torch.ones(3, 2, 2)], torch.arange(3))).total)
    assert objective(encoder, Batch([torch.ones(3, 2, 1)], torch.arange(3))).total == 0


def test_an_encoder_that_sees_what_comes_is_refused():
    with pytest.raises(UserError, match="forecast predicts what comes next"):
        make(Forecast, ForecastConfig(), CONV)
