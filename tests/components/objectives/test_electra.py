import math

import pytest
import torch
import torch.nn.functional as F

from components.modalities.text.tokenizer import MASK
from components.objectives.base import Batch
from components.objectives.electra import Electra, ElectraConfig, replaced_loss, sampled
from components.objectives.parts.token_masks import chosen
from tests.components.objectives.texts import BAG, TRANSFORMER, V, make, spied, texts

CONFIG = ElectraConfig(hidden=0.5, width=8, heads=2)
INDEX = torch.arange(6)


def hidden_of(objective, view):
    return chosen(view, objective.chance.uniform(INDEX, view.shape[1]), 0.5)


def test_a_piece_is_sampled_by_its_probability():
    logits = torch.zeros(1, 9).repeat(40000, 1)
    logits[:, 5:] = torch.tensor([0.5, 0.25, 0.15, 0.1]).log()
    logits[:, :5] = 50.0  # special pieces are never sampled
    numbers = torch.rand(40000, generator=torch.Generator().manual_seed(0))
    shares = torch.bincount(sampled(logits, numbers), minlength=9) / 40000
    assert not shares[:5].any()
    torch.testing.assert_close(shares[5:], torch.tensor([0.5, 0.25, 0.15, 0.1]), atol=0.01, rtol=0)


def test_the_ends_of_the_scale():
    logits = torch.zeros(3, 9)
    assert sampled(logits, torch.tensor([0.0, 0.49, 0.9999999])).tolist() == [5, 6, 8]
    logits[:, 5] = -torch.inf
    assert sampled(logits, torch.tensor([0.0, 0.0, 0.0])).tolist() == [6, 6, 6]


def test_the_loss_is_that_of_both(monkeypatch):
    built, objective = make(Electra, CONFIG)
    view = texts()
    inputs = spied(monkeypatch, built, "tokens")
    losses = objective(built, Batch([view], INDEX))
    hidden = hidden_of(objective, view)
    tokens = objective.generator(view.masked_fill(hidden, MASK), built.embedding)
    logits = objective.head(tokens[hidden], built.embedding.weight)
    filling = F.cross_entropy(logits, view[hidden])
    drawn = objective.chance.uniform(INDEX, view.shape[1], stream=1)
    filled = view.clone()
    filled[hidden] = sampled(logits, drawn[hidden])
    assert torch.equal(inputs[0][0], filled)
    each = []
    for b in range(6):
        for t in range(1, view.shape[1]):
            if view[b, t] >= 5:
                logit = objective.judge(built.tokens(filled)[b, t]).item()
                replaced = filled[b, t] != view[b, t]
                each.append(math.log1p(math.exp(-logit if replaced else logit)))
    finding = sum(each) / len(each)
    assert losses.parts["generator"].item() == pytest.approx(filling.item(), rel=1e-5)
    assert losses.parts["encoder"].item() == pytest.approx(finding, rel=1e-5)
    assert losses.total.item() == pytest.approx(filling.item() + 50 * finding, rel=1e-5)


def test_tokens_that_are_not_hidden_reach_the_encoder_as_they_are(monkeypatch):
    built, objective = make(Electra, CONFIG)
    view = texts()
    inputs = spied(monkeypatch, built, "tokens")
    objective(built, Batch([view], INDEX))
    hidden = hidden_of(objective, view)
    (seen,) = inputs[0]
    assert torch.equal(seen[~hidden], view[~hidden])
    assert (seen[hidden] != MASK).all()


def test_the_generator_does_not_see_what_is_hidden():
    built, objective = make(Electra, CONFIG)
    view = texts()
    hidden = hidden_of(objective, view)
    other = torch.where(hidden, 5 + (view - 4) % (V - 5), view)
    tokens = [objective.generator(v.masked_fill(hidden, MASK), built.embedding) for v in (view, other)]
    assert torch.equal(*tokens)


def test_the_encoder_tells_the_generator_nothing():
    built, objective = make(Electra, CONFIG)
    losses = objective(built, Batch([texts()], INDEX))
    judged = losses.total - losses.total.detach() * 0
    judged.backward()
    with_both = {k: p.grad.clone() for k, p in objective.generator.named_parameters()}
    built, objective = make(Electra, CONFIG.model_copy(update={"weight": 1e-6}))
    objective(built, Batch([texts()], INDEX)).total.backward()
    for key, parameter in objective.generator.named_parameters():
        torch.testing.assert_close(parameter.grad, with_both[key], rtol=1e-4, atol=1e-7)
    layers = [p for k, p in built.named_parameters() if k.startswith("blocks")]
    assert max(float(p.grad.abs().max()) for p in layers) < 1e-4  # they learn by the second loss alone


def test_known_values_of_the_second_loss():
    counted = torch.tensor([[True, True, False]])
    replaced = torch.tensor([[True, False, True]])
    assert float(replaced_loss(torch.zeros(1, 3), replaced, counted)) == pytest.approx(math.log(2))
    logits = torch.tensor([[2.0, -1.0, 9.0]])
    by_hand = (math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))) / 2
    assert float(replaced_loss(logits, replaced, counted)) == pytest.approx(by_hand)


def test_it_works_on_a_bag_with_neighbours_too():
    built, objective = make(Electra, CONFIG, BAG)
    assert torch.isfinite(objective(built, Batch([texts()], INDEX)).total)


def test_heads_must_share_the_width():
    with pytest.raises(ValueError, match="multiple of twice heads, got 10 and 2"):
        ElectraConfig(width=10, heads=2)
    assert (ElectraConfig().weight, ElectraConfig().hidden) == (50, 0.15)
    assert make(Electra, CONFIG, TRANSFORMER)[1].needs == "sequence"
