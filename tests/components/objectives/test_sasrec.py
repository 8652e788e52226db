"""SASRec: the next item after each event."""

import math

import pytest
import torch

from components.encoders import build_encoder
from components.errors import UserError
from components.modalities.events.config import FIRST, UNKNOWN
from components.objectives.base import Batch
from components.objectives.sasrec import Sasrec, SasrecConfig
from tests.components.objectives.histories import BOTH, CAUSAL, ITEMS, PACKING, events, make


def test_the_loss_of_short_histories_is_that_of_a_slow_loop():
    encoder, objective = make(Sasrec, SasrecConfig())
    view = events(5)[:, :6]
    losses = []
    for row in view:
        row = row[row > 0]
        for end in range(1, len(row)):
            scores = encoder(row[None, :end])[0] @ encoder.items.T
            losses.append(-(scores - scores.exp().sum().log())[row[end] - FIRST])
    found = objective(encoder, Batch([view], torch.arange(5))).total
    torch.testing.assert_close(found, torch.stack(losses).mean())


def test_equal_embeddings_tell_nothing_apart():
    encoder, objective = make(Sasrec, SasrecConfig())
    torch.nn.init.zeros_(encoder.embedding.weight)
    assert objective(encoder, Batch([events()], torch.arange(8))).total.item() == pytest.approx(
        math.log(ITEMS)
    )


def test_an_unknown_item_is_seen_and_never_predicted():
    encoder, objective = make(Sasrec, SasrecConfig())
    view = torch.tensor([[FIRST, UNKNOWN, FIRST + 1]])
    scores = encoder(view[:, :2])[0] @ encoder.items.T
    torch.testing.assert_close(
        objective(encoder, Batch([view], torch.arange(1))).total, -scores.log_softmax(0)[1]
    )


def test_long_histories_are_cut_elsewhere_each_step_and_in_two_processes_alike():
    encoder, objective = make(Sasrec, SasrecConfig())
    view, index = events(shortest=10), torch.arange(8)
    first = objective(encoder, Batch([view], index)).total
    turned = torch.tensor([3, 1, 0, 2, 7, 6, 5, 4])
    torch.testing.assert_close(objective(encoder, Batch([view[turned]], index[turned])).total, first)
    objective.after_step(encoder, 0.5)
    assert objective(encoder, Batch([view], index)).total.item() != pytest.approx(first.item(), abs=1e-6)


def test_drawn_items_are_those_of_the_step_whatever_the_batch():
    encoder, objective = make(Sasrec, SasrecConfig(negatives=5))
    first = objective.drawn(encoder, torch.arange(4))
    assert first.shape == (5,)
    assert ((first >= 0) & (first < ITEMS)).all()
    assert torch.equal(first, objective.drawn(encoder, torch.arange(4, 8)))
    objective.after_step(encoder, 0.5)
    assert not torch.equal(first, objective.drawn(encoder, torch.arange(4)))
    assert objective(encoder, Batch([events()], torch.arange(8))).total.isfinite()


def test_what_it_needs():
    with pytest.raises(UserError, match="needs causal: true"):
        Sasrec(SasrecConfig(), build_encoder(BOTH, PACKING))
    encoder, objective = make(Sasrec, SasrecConfig(), CAUSAL)
    with pytest.raises(UserError, match="1 view"):
        objective(encoder, Batch([events(), events()], torch.arange(8)))
    with pytest.raises(UserError, match="history_transformer, got Linear"):
        Sasrec(SasrecConfig(), torch.nn.Linear(1, 1))
