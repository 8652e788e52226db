import pytest
import torch
from pydantic import ValidationError

from components.encoders.text_bag import TextBagConfig
from components.errors import UserError
from components.modalities.text.tokenizer import MASK
from components.objectives.base import Batch
from components.objectives.mlm import Mlm, MlmConfig
from components.objectives.parts.token_masks import chosen
from tests.components.objectives.texts import BAG, TRANSFORMER, V, make, spied, texts

HALF = MlmConfig(hidden=0.5)


@pytest.mark.parametrize("encoder", [TRANSFORMER, BAG], ids=["transformer", "bag"])
def test_the_loss_is_a_loop_over_hidden_tokens(encoder):
    built, objective = make(Mlm, HALF, encoder)
    view, index = texts(), torch.arange(6)
    loss = objective(built, Batch([view], index)).total
    hidden, seen = objective.hide(view, index)
    tokens, each = built.tokens(seen), []
    for b in range(6):
        for t in range(view.shape[1]):
            if hidden[b, t]:
                logits = objective.head(tokens[b, t][None], built.embedding.weight)[0]
                each.append((logits.logsumexp(0) - logits[view[b, t]]).item())
    assert len(each) > 10
    assert loss.item() == pytest.approx(sum(each) / len(each), rel=1e-5)


def test_what_is_hidden_is_a_target_alone(monkeypatch):
    """Where [MASK] stands, another token would give the encoder the same input."""
    built, objective = make(Mlm, HALF)
    view, index = texts(), torch.arange(6)
    hidden, seen = objective.hide(view, index)
    behind_mask = hidden & (seen == MASK)
    assert behind_mask.any()
    other = torch.where(behind_mask, 5 + (view - 4) % (V - 5), view)
    inputs = spied(monkeypatch, built, "tokens")
    losses = [objective(built, Batch([v], index)).total for v in (view, other)]
    assert torch.equal(inputs[0][0], inputs[1][0])
    assert not torch.equal(*losses)


def test_masks_are_drawn_anew_at_each_step_and_belong_to_the_sample():
    built, objective = make(Mlm, HALF)
    view, index = texts(), torch.arange(6)
    first, _ = objective.hide(view, index)
    again, _ = objective.hide(view, index)
    assert torch.equal(first, again)
    order = torch.tensor([3, 1, 5])
    assert torch.equal(objective.hide(view[order], index[order])[0], first[order])
    assert torch.equal(objective.hide(view[:, :4], index)[0], first[:, :4])  # nor on the width of the batch
    objective.after_step(built, 0.1)
    assert not torch.equal(objective.hide(view, index)[0], first)


def test_three_independent_draws():
    _, objective = make(Mlm, MlmConfig(hidden=0.3))
    view = torch.full((2000, 30), 20)
    index = torch.arange(2000)
    hidden, seen = objective.hide(view, index)
    assert torch.equal(hidden, chosen(view, objective.chance.uniform(index, 30), 0.3))
    shares = (seen[hidden] == MASK).float().mean(), (seen[hidden] == 20).float().mean()
    assert float(shares[0]) == pytest.approx(0.8, abs=0.02)
    assert float(shares[1]) == pytest.approx(0.1 + 0.1 / (V - 5), abs=0.02)


def test_embeddings_learn_as_inputs_and_as_outputs():
    built, objective = make(Mlm, HALF)
    view = torch.full((4, 8), 7)
    view[:, 0] = 2
    objective(built, Batch([view], torch.arange(4))).total.backward()
    grad = built.embedding.weight.grad.abs().sum(dim=1)
    assert (grad > 0).all()  # every piece is a wrong answer


def test_it_learns_to_fill_in():
    built, objective = make(Mlm, MlmConfig(hidden=0.3))
    optimiser = torch.optim.Adam([*built.parameters(), *objective.parameters()], 1e-2)
    view = torch.tensor([[2, 7, 8, 7, 8, 7, 8], [2, 9, 6, 9, 6, 9, 6]]).repeat(8, 1)
    losses = []
    for _ in range(60):
        loss = objective(built, Batch([view], torch.arange(16))).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        objective.after_step(built, 0.0)
        losses.append(loss.item())
    assert sum(losses[-10:]) / 10 < 0.5 * sum(losses[:5]) / 5


def test_nothing_hidden_costs_nothing_and_stays_finite():
    built, objective = make(Mlm, HALF)
    loss = objective(built, Batch([torch.tensor([[2, 0], [2, 1]])], torch.arange(2))).total
    loss.backward()
    assert loss.item() == 0
    assert all(torch.isfinite(p.grad).all() for p in built.parameters() if p.grad is not None)


def test_what_cannot_work_is_refused():
    with pytest.raises(UserError, match="mlm predicts tokens from those around them"):
        make(Mlm, HALF, TextBagConfig(width=8))
    built, objective = make(Mlm, HALF)
    with pytest.raises(UserError, match="1 view of each sample, got 2"):
        objective(built, Batch([texts()] * 2, torch.arange(6)))
    with pytest.raises(ValidationError):
        MlmConfig(hidden=0.0)
    assert MlmConfig().hidden == 0.15
