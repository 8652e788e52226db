import pytest
import torch

from components.encoders.text_bag import TextBagConfig
from components.errors import UserError
from components.modalities.text.augment import thinned
from components.objectives.base import Batch
from components.objectives.tsdae import Tsdae, TsdaeConfig
from tests.components.objectives.texts import TRANSFORMER, make, texts

INDEX = torch.arange(6)
CONFIG = TsdaeConfig(heads=2)


def noisy(objective, view):
    return thinned(view, objective.chance.uniform(INDEX, view.shape[1]), objective.config.deleted)


@pytest.mark.parametrize("encoder", [TRANSFORMER, TextBagConfig(width=12)], ids=["transformer", "bag"])
def test_the_loss_is_a_loop_over_tokens_told_from_those_before_and_the_feature(encoder):
    built, objective = make(Tsdae, CONFIG, encoder)
    view = texts()
    loss = objective(built, Batch([view], INDEX)).total
    feature, each = built(noisy(objective, view)), []
    for b in range(6):
        for t in range(view.shape[1] - 1):
            if view[b, t + 1] >= 5:
                told = objective.decoder(view[b : b + 1, : t + 1], feature[b : b + 1], built.embedding)
                logits = objective.head(told[0, t][None], built.embedding.weight)[0]
                each.append((logits.logsumexp(0) - logits[view[b, t + 1]]).item())
    assert loss.item() == pytest.approx(sum(each) / len(each), rel=1e-5)


def test_the_encoder_sees_the_tokens_that_are_left_alone(monkeypatch):
    built, objective = make(Tsdae, CONFIG)
    seen, forward = [], built.forward
    monkeypatch.setattr(built, "forward", lambda *given: seen.append(given) or forward(*given))
    view = texts()
    objective(built, Batch([view], INDEX))
    assert torch.equal(seen[0][0], noisy(objective, view))
    assert (seen[0][0] != 0).sum() < (view != 0).sum()
    objective.after_step(built, 0.1)
    objective(built, Batch([view], INDEX))
    assert not torch.equal(seen[1][0], seen[0][0])


def test_a_decoder_sees_no_token_that_it_is_to_tell():
    built, objective = make(Tsdae, CONFIG)
    view, feature = texts(shortest=10), torch.randn(6, 12, requires_grad=True)
    embedding = torch.nn.Embedding.from_pretrained(built.embedding.weight.detach())
    before = objective.decoder(view, feature, embedding)
    other = view.clone()
    other[:, 6] = 5 + (view[:, 6] - 4) % 30
    moved = (objective.decoder(other, feature, embedding) - before).abs().amax(dim=(0, 2)) > 1e-7
    assert moved.nonzero().flatten().tolist() == [6, 7, 8, 9]
    before[:, 0, 0].sum().backward()
    assert (feature.grad.abs().sum(dim=1) > 0).all()


def test_what_a_text_is_told_from_is_its_own_feature():
    built, objective = make(Tsdae, CONFIG)
    view, feature = texts(rows=150), torch.randn(150, 12)
    whole = objective.decoder(view, feature, built.embedding)
    alone = objective.decoder(view[140:141], feature[140:141], built.embedding)
    inside = view[140] != 0
    torch.testing.assert_close(whole[140][inside], alone[0][inside], atol=1e-5, rtol=1e-4)


def test_depth_adds_the_feature_in_each_block():
    built, objective = make(Tsdae, TsdaeConfig(heads=2, depth=3))
    assert len(objective.decoder.features) == 3
    objective(built, Batch([texts()], INDEX)).total.backward()
    for key, parameter in objective.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


def test_heads_must_share_the_token_size():
    with pytest.raises(UserError, match="multiple of twice heads, got 12 and 5"):
        make(Tsdae, TsdaeConfig(heads=5))
    assert TsdaeConfig().deleted == 0.6
