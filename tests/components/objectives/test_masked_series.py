"""Masked series: the loss is of hidden values alone, and nothing of them reaches the encoder."""

import torch

from components.objectives.base import Batch
from components.objectives.masked_series import MaskedSeries, MaskedSeriesConfig
from tests.components.objectives.series import make, series

CONFIG = MaskedSeriesConfig(hidden=0.4, spans=2)


def test_the_loss_is_the_squared_error_of_hidden_values_in_deviations():
    encoder, objective = make(MaskedSeries, CONFIG)
    view, index = series(), torch.arange(8)
    hide = objective.hide(encoder.padding(view), index)
    tokens = encoder.tokens(torch.where(hide[:, None], torch.nan, view))
    errors = []
    for b in range(8):
        for t in range(16):
            predicted = objective.head(tokens[b, t])
            for c, (mean, std) in enumerate([(1.0, 2.0), (-2.0, 0.5)]):
                if hide[b, t] and not view[b, c, t].isnan():
                    errors.append((predicted[c] - (view[b, c, t] - mean) / std) ** 2)
    torch.testing.assert_close(objective(encoder, Batch([view], index)).total, torch.stack(errors).mean())


def test_hidden_values_do_not_reach_the_encoder():
    encoder, objective = make(MaskedSeries, CONFIG)
    view, index = series(), torch.arange(8)
    hide = objective.hide(encoder.padding(view), index)
    seen = []
    encoder.tokens, real = (lambda given: seen.append(given) or real(given)), encoder.tokens
    objective(encoder, Batch([view], index))
    assert seen[0].isnan()[hide.unsqueeze(1).expand_as(view)].all()


def test_the_mean_costs_about_one():
    encoder, objective = make(MaskedSeries, CONFIG)
    with torch.no_grad():
        objective.head.weight.zero_()
        objective.head.bias.zero_()
    view = series(rows=400)
    assert abs(objective(encoder, Batch([view], torch.arange(400))).total - 1) < 0.1


def test_other_steps_are_hidden_at_another_step_of_training():
    encoder, objective = make(MaskedSeries, CONFIG)
    padding, index = encoder.padding(series()), torch.arange(8)
    before = objective.hide(padding, index)
    assert not (before & padding).any()
    objective.after_step(encoder, 0.5)
    assert not torch.equal(objective.hide(padding, index), before)
