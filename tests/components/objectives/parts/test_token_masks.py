import math

import pytest
import torch
import torch.nn.functional as F

from components.modalities.text.tokenizer import CLS, MASK, PAD, SEP, SPECIAL, UNK
from components.objectives.parts import token_masks
from components.objectives.parts.token_masks import TokenHead, chosen, corrupted, mean_over_tokens, token_loss

FIRST = len(SPECIAL)


def test_only_pieces_are_chosen():
    view = torch.tensor([[CLS, UNK, SEP, MASK, FIRST, 40, PAD]])
    assert chosen(view, torch.zeros(1, 7), 0.15).tolist() == [[False] * 4 + [True, True, False]]
    numbers = torch.tensor([[0, 0, 0, 0, 0.14, 0.15, 0]])
    assert chosen(view, numbers, 0.15).tolist() == [[False] * 4 + [True, False, False]]


def test_eighty_ten_ten_by_hand():
    view = torch.full((1, 6), 30)
    hidden = torch.tensor([[True, True, True, True, False, True]])
    how = torch.tensor([[0.0, 0.79, 0.85, 0.95, 0.0, 0.8]])
    pieces = torch.tensor([[0.5, 0.5, 0.0, 0.5, 0.5, 0.999]])
    assert corrupted(view, hidden, how, pieces, 45).tolist() == [[MASK, MASK, FIRST, 30, 30, 44]]


def test_frequencies_over_a_hundred_thousand_tokens():
    generator = torch.Generator().manual_seed(0)
    count, vocabulary = 100_000, 1000
    view = torch.full((100, count // 100), 500)
    draw = [torch.rand(view.shape, generator=generator) for _ in range(3)]
    hidden = chosen(view, draw[0], 0.15)
    seen = corrupted(view, hidden, draw[1], draw[2], vocabulary)
    n = int(hidden.sum())
    assert abs(n - 0.15 * count) < 3 * math.sqrt(0.15 * 0.85 * count)
    assert torch.equal(seen[~hidden], view[~hidden])
    masked, same = int((seen[hidden] == MASK).sum()), int((seen[hidden] == 500).sum())
    other = n - masked - same
    for found, share in ((masked, 0.8), (same, 0.1 + 0.1 / 995), (other, 0.1 - 0.1 / 995)):
        assert abs(found - share * n) < 3 * math.sqrt(share * (1 - share) * n)
    random = seen[hidden & (seen != MASK)]
    assert random.min() >= FIRST
    assert len(random.unique()) > 700  # of 995 pieces, at about 1,500 draws


def test_a_head_is_a_layer_and_the_embeddings():
    torch.manual_seed(0)
    head, tokens, embedding = TokenHead(4, 6, 9), torch.randn(3, 4), torch.randn(9, 6)
    head.bias.data.normal_()
    inner = F.layer_norm(F.gelu(head.layer(tokens)), (6,), head.norm.weight, head.norm.bias)
    torch.testing.assert_close(head(tokens, embedding), inner @ embedding.T + head.bias)


def test_known_values_of_the_loss():
    assert float(token_loss(torch.zeros(5, 7), torch.arange(5))) == pytest.approx(math.log(7))
    logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    by_hand = (math.log(math.exp(2) + 2) - 2 + math.log(math.e + 2) - 1) / 2
    assert float(token_loss(logits, torch.tensor([0, 1]))) == pytest.approx(by_hand)
    assert float(token_loss(torch.zeros(0, 7), torch.zeros(0, dtype=torch.int64))) == 0


def test_each_token_counts_the_same_however_the_ranks_share_them(monkeypatch):
    values = torch.tensor([1.0, 2.0, 3.0, 10.0])
    monkeypatch.setattr(token_masks, "world", lambda: 2)
    monkeypatch.setattr(token_masks, "all_reduce_sum", lambda count: count * 0 + 4)
    ranks = [mean_over_tokens(part) for part in (values[:1], values[1:])]
    assert float(sum(ranks) / 2) == pytest.approx(4.0)
