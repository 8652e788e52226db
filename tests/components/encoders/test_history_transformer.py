"""What the encoder of histories sees."""

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.history_transformer import HistoryTransformerConfig, latest, visible
from components.modalities.events.config import MASK
from tests.components.objectives.histories import BOTH, CAUSAL, PACKING, events


def encoder(config=CAUSAL, seed=0):
    torch.manual_seed(seed)
    return build_encoder(config, PACKING).eval()


def test_the_last_events():
    view = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0], [0, 0, 0, 0]])
    assert latest(view, 2).tolist() == [[3, 4], [5, 6], [0, 0]]
    assert latest(view, 9).tolist() == view.tolist()


def test_what_an_event_attends_to():
    view = torch.tensor([[3, 4, 0]])
    assert visible(view, causal=True)[0, 0].long().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert visible(view, causal=False)[0, 0].long().tolist() == [[1, 1, 0], [1, 1, 0], [1, 1, 1]]


def test_a_causal_token_depends_on_no_later_event():
    net, view = encoder(), events(4, shortest=10)[:, :6]
    changed = view.clone()
    changed[:, 4:] = 3
    torch.testing.assert_close(net.tokens(view)[:, :4], net.tokens(changed)[:, :4])
    both = encoder(BOTH)
    assert not torch.allclose(both.tokens(view)[:, :4], both.tokens(changed)[:, :4])


def test_the_feature_is_what_stands_at_the_end_of_the_last_events():
    net, view = encoder(), events(6)
    for row in view:
        row = row[row > 0][-6:]
        torch.testing.assert_close(net(row[None])[0], net.tokens(row[None])[0, -1])
    torch.testing.assert_close(net(view), torch.cat([net(row[row > 0][None]) for row in view]))


def test_both_ways_a_masked_event_stands_behind_the_history():
    net = encoder(BOTH)
    row = torch.tensor([[3, 4, 5, 6, 7, 8, 9, 3]])
    wanted = net.tokens(torch.tensor([[6, 7, 8, 9, 3, MASK]]))[:, -1]
    torch.testing.assert_close(net(row), wanted)
    torch.testing.assert_close(net(torch.tensor([[4, 0, 0]])), net.tokens(torch.tensor([[4, MASK]]))[:, -1])


@pytest.mark.parametrize("config", [CAUSAL, BOTH])
def test_an_empty_history_has_a_feature(config):
    assert encoder(config)(torch.zeros(2, 3, dtype=torch.int64)).isfinite().all()


def test_items_are_the_embeddings_without_those_of_no_item():
    net = encoder()
    assert net.items.shape == (7, 12)
    assert torch.equal(net.items[0], net.embedding.weight[3])


def test_dropout_is_of_training_alone():
    config = HistoryTransformerConfig(width=12, window=6, dropout=0.5)
    net, view = encoder(config), events()
    assert torch.equal(net(view), net(view))
    net.train()
    assert not torch.equal(net(view), net(view))


def test_heads_share_the_width():
    with pytest.raises(ValueError, match="multiple of heads"):
        HistoryTransformerConfig(width=13)
