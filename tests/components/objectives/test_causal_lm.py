import pytest
import torch

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.causal_lm import CausalLm, CausalLmConfig
from tests.components.objectives.texts import BAG, CAUSAL, TRANSFORMER, make, texts


def test_the_loss_is_a_loop_over_tokens_and_the_one_behind_each():
    built, objective = make(CausalLm, CausalLmConfig(), CAUSAL)
    view = texts()
    loss = objective(built, Batch([view], torch.arange(6))).total
    each = []
    for b in range(6):
        for t in range(view.shape[1] - 1):
            if view[b, t + 1] >= 5:
                token = built.tokens(view[b : b + 1, : t + 1])[0, t]  # of what stands before it alone
                logits = objective.head(token[None], built.embedding.weight)[0]
                each.append((logits.logsumexp(0) - logits[view[b, t + 1]]).item())
    assert loss.item() == pytest.approx(sum(each) / len(each), rel=1e-5)


def test_no_prediction_depends_on_what_follows():
    built, objective = make(CausalLm, CausalLmConfig(), CAUSAL)
    view = texts(shortest=10)
    embedded = built.embedding(view).detach().requires_grad_()
    for place in (0, 4, 8):
        tokens = built.layers(embedded, view == 0, None)
        logits = objective.head(tokens[:, place], built.embedding.weight)
        (grad,) = torch.autograd.grad(logits.square().sum(), embedded)
        assert (grad.abs().sum(2)[:, : place + 1] > 0).all()
        assert not grad[:, place + 1 :].any()


def test_unknown_words_and_padding_are_no_targets():
    built, objective = make(CausalLm, CausalLmConfig(), CAUSAL)
    known, index = torch.tensor([[2, 7, 0, 0]]), torch.arange(1)
    more = torch.tensor([[2, 7, 1, 0]])
    losses = [objective(built, Batch([view], index)).total for view in (known, more)]
    torch.testing.assert_close(*losses)
    assert objective(built, Batch([torch.tensor([[2, 0]])], index)).total.item() == 0


def test_an_encoder_that_looks_ahead_is_refused():
    for encoder in (TRANSFORMER, BAG):
        with pytest.raises(UserError, match="causal: true"):
            make(CausalLm, CausalLmConfig(), encoder)
