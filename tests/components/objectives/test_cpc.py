"""CPC: candidates, scores and loss against a loop."""

import math

import pytest
import torch

from components.errors import UserError
from components.modalities.series.views import lengths
from components.objectives.base import Batch
from components.objectives.cpc import Cpc, CpcConfig, scores, unit
from tests.components.objectives.series import CAUSAL, CONV, make, series

CONFIG = CpcConfig(steps=2, patch=2, latent=5, negatives=3, temperature=0.5)


def test_negatives_are_steps_that_are_there_of_others_and_of_the_sample_itself():
    _, objective = make(Cpc, CONFIG, CAUSAL)
    count, index = torch.tensor([3, 9, 5, 1]), torch.tensor([7, 2, 9, 4])
    rows, places = objective.others(count, index)
    own = torch.arange(4).unsqueeze(1)
    assert (rows[:, :3] != own).all()
    assert (rows[:, 3:] == own).all()
    assert (places < count[rows]).all()
    order = torch.tensor([2, 0, 3, 1])
    again, there = objective.others(count[order], index[order])
    assert torch.equal(order[again], rows[order])
    assert torch.equal(there, places[order])


def test_scores_hold_the_right_one_first_and_never_twice():
    predicted, own = unit(torch.randn(1, 2, 4)), unit(torch.randn(1, 2, 4))
    others = torch.cat([own[:, 1:], unit(torch.randn(1, 1, 4))], dim=1)
    found = scores(predicted, own, others, torch.tensor([[1, -1]]))
    torch.testing.assert_close(found[0, 0, 0], predicted[0, 0] @ own[0, 0])
    torch.testing.assert_close(found[0, 0, 1], predicted[0, 0] @ own[0, 1])
    assert found[0, 1, 1] == -torch.inf
    torch.testing.assert_close(found[0, 1, 2], predicted[0, 1] @ others[0, 1])


def test_the_loss_is_the_mean_over_horizons_of_what_each_step_costs():
    encoder, objective = make(Cpc, CONFIG, CAUSAL)
    view, index = series(), torch.arange(8)
    values, _ = encoder.standardised(view)
    padded = torch.cat([values, torch.zeros(8, 2, 1)], dim=2)
    weight, bias = objective.latent.weight, objective.latent.bias
    z = torch.stack(
        [torch.einsum("bcp,zcp->bz", padded[..., t : t + 2], weight) + bias for t in range(16)], dim=1
    )
    z = z / z.norm(dim=2, keepdim=True)
    guess = objective.predict(encoder.tokens(view)).reshape(8, 16, 2, 5)
    guess = guess / guess.norm(dim=3, keepdim=True)
    rows, places = objective.others(lengths(view), index)
    horizons = []
    for k in (1, 2):
        each = []
        for b in range(8):
            for t in range(int(lengths(view)[b]) - k):
                candidates = [z[b, t + k]]
                for row, place in zip(rows[b].tolist(), places[b].tolist(), strict=True):
                    if (row, place) != (b, t + k):
                        candidates.append(z[row, place])
                logits = torch.stack(candidates) @ guess[b, t, k - 1] / 0.5
                each.append(-torch.log_softmax(logits, 0)[0])
        horizons.append(torch.stack(each).mean())
    losses = objective(encoder, Batch([view], index))
    torch.testing.assert_close(losses.total, torch.stack(horizons).mean())


def test_where_nothing_is_told_apart_it_costs_the_logarithm_of_the_candidates():
    encoder, objective = make(Cpc, CpcConfig(negatives=3, patch=1, steps=1), CAUSAL)
    with torch.no_grad():
        objective.latent.weight.zero_()
    loss = objective(encoder, Batch([torch.randn(6, 2, 1000)], torch.arange(6))).total
    assert loss.item() == pytest.approx(
        math.log(7), abs=1e-3
    )  # a negative is the right one itself once in a while


def test_short_series_and_what_is_refused():
    encoder, objective = make(Cpc, CpcConfig(steps=5), CAUSAL)
    assert torch.isfinite(objective(encoder, Batch([torch.randn(3, 2, 2)], torch.arange(3))).total)
    with pytest.raises(UserError, match="2 samples or more, got 1"):
        objective(encoder, Batch([torch.randn(1, 2, 9)], torch.arange(1)))
    with pytest.raises(UserError, match="cpc predicts what comes next"):
        make(Cpc, CpcConfig(), CONV)
