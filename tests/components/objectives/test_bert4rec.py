"""BERT4Rec: hidden events."""

import math

import pytest
import torch

from components.encoders import build_encoder
from components.errors import UserError
from components.modalities.events.config import FIRST, MASK, UNKNOWN
from components.objectives.base import Batch
from components.objectives.bert4rec import Bert4rec, Bert4recConfig, masks
from tests.components.objectives.histories import BOTH, CAUSAL, ITEMS, PACKING, events, make

SEEN = torch.tensor([[3, 4, 5, 0], [3, 4, 5, 6], [UNKNOWN, 4, 0, 0], [3, UNKNOWN, 0, 0]])


def test_what_is_hidden_by_hand():
    numbers = torch.tensor([[0.1, 0.9, 0.1, 0.1], [0.9] * 4, [0.1, 0.9, 0.1, 0.1], [0.9, 0.1, 0.1, 0.1]])
    last = torch.tensor([False, False, True, False])
    assert masks(SEEN, numbers, last, 0.2).long().tolist() == [
        [1, 0, 1, 0],
        [0, 0, 0, 1],  # none was below, so the last one
        [0, 1, 0, 0],
        [0, 0, 0, 0],  # what is unknown cannot be predicted
    ]


def test_the_share_that_is_hidden():
    many = torch.full((500, 20), FIRST)
    hidden = masks(
        many, torch.rand(500, 20, generator=torch.Generator().manual_seed(0)), torch.zeros(500) > 0, 0.3
    )
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.01)


def test_the_last_event_alone_is_predicted_as_in_use():
    encoder, objective = make(Bert4rec, Bert4recConfig(last=1.0), BOTH)
    view = events(4)[:, :5]
    losses = []
    for row in view:
        row = row[row > 0]
        scores = encoder(row[None, :-1])[0] @ encoder.items.T  # the encoder puts the masked event behind
        losses.append(-scores.log_softmax(0)[row[-1] - FIRST])
    found = objective(encoder, Batch([view], torch.arange(4))).total
    torch.testing.assert_close(found, torch.stack(losses).mean())


def test_equal_embeddings_tell_nothing_apart():
    encoder, objective = make(Bert4rec, Bert4recConfig(), BOTH)
    torch.nn.init.zeros_(encoder.embedding.weight)
    assert objective(encoder, Batch([events()], torch.arange(8))).total.item() == pytest.approx(
        math.log(ITEMS)
    )


def test_a_hidden_item_is_not_seen():
    encoder, objective = make(Bert4rec, Bert4recConfig(last=1.0), BOTH)
    seen = []
    encoder.tokens = lambda view: seen.append(view) or torch.zeros(*view.shape, 12)
    objective(encoder, Batch([events(4)], torch.arange(4)))
    assert (seen[0] == MASK).any(dim=1).all()


def test_what_it_needs():
    with pytest.raises(UserError, match="needs causal: false"):
        Bert4rec(Bert4recConfig(), build_encoder(CAUSAL, PACKING))
