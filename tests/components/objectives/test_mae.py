import pytest
import torch

from components.encoders import build_encoder
from components.encoders.vit import VitConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.objectives.base import Batch
from components.objectives.mae import Mae, MaeConfig, hidden_error, normalised
from components.objectives.parts.masks import largest, patches, visible

VIT = VitConfig(width=16, depth=1, heads=2, patch=2)
CONFIG = MaeConfig(width=16, depth=1, heads=2)


def make(config=CONFIG, vit=VIT):
    torch.manual_seed(0)
    encoder = build_encoder(vit, image_packing(1, [0.4], [0.25]))
    return encoder, Mae(config, encoder)


def test_known_values_of_targets():
    torch.testing.assert_close(
        normalised(torch.tensor([[[0.0, 2.0]]])), torch.tensor([[[-(0.5**0.5), 0.5**0.5]]])
    )
    assert normalised(torch.full((1, 2, 4), 0.7)).abs().max() < 1e-3
    target = normalised(torch.randn(3, 5, 8, dtype=torch.float64))
    torch.testing.assert_close(target.mean(2), torch.zeros(3, 5, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(target.var(2), torch.ones(3, 5, dtype=torch.float64), atol=1e-4, rtol=0)
    hidden = largest(torch.rand(3, 5), 0.5)
    found = hidden_error(torch.zeros(3, 5, 8), target, hidden)
    assert float(found) == pytest.approx(7 / 8, abs=1e-4)


def test_the_error_is_a_loop_over_hidden_patches_and_knows_of_no_other():
    torch.manual_seed(0)
    prediction, target = torch.randn(3, 4, 6, requires_grad=True), torch.randn(3, 4, 6)
    hidden = largest(torch.rand(3, 4), 0.75)
    guess = prediction.detach()
    each = [
        sum((float(guess[b, t, i]) - float(target[b, t, i])) ** 2 for i in range(6)) / 6
        for b in range(3)
        for t in range(4)
        if hidden[b, t]
    ]
    with torch.no_grad():
        found = hidden_error(prediction, target, hidden)
    assert float(found) == pytest.approx(sum(each) / len(each))
    hidden_error(prediction, target, hidden).backward()
    assert torch.equal(prediction.grad.abs().sum(2) > 0, hidden)
    moved = torch.where(hidden.unsqueeze(2), prediction, prediction + 9).detach()
    assert torch.equal(hidden_error(moved, target, hidden), found)


def test_the_encoder_sees_visible_patches_alone_and_a_quarter_of_them(monkeypatch):
    encoder, objective = make()
    seen = []
    tokens = encoder.tokens
    monkeypatch.setattr(encoder, "tokens", lambda x, **how: seen.append(how) or tokens(x, **how))
    x = torch.rand(3, 1, 8, 8)
    loss = objective(encoder, Batch([x], torch.arange(3))).total
    (how,) = seen
    assert how["kept"].shape == (3, 4)
    hidden = largest(objective.chance.uniform(torch.arange(3), 16), 0.75)
    assert torch.equal(how["kept"], visible(hidden))
    target = normalised(patches((x - 0.4) / 0.25, 2))
    with torch.no_grad():
        answer = objective.decoded(tokens(x, kept=how["kept"]), how["kept"], (4, 4))
    torch.testing.assert_close(loss, hidden_error(answer, target, hidden))


def test_pixels_of_hidden_patches_are_targets_alone():
    encoder, objective = make()
    x = torch.rand(2, 1, 8, 8, requires_grad=True)
    objective(encoder, Batch([x], torch.arange(2))).total.backward()
    hidden = largest(objective.chance.uniform(torch.arange(2), 16), 0.75)
    assert torch.equal(patches(x.grad, 2).abs().sum(2) > 0, ~hidden)


def test_the_decoder_puts_tokens_where_their_patches_were():
    _, objective = make()
    objective.blocks = torch.nn.ModuleList()
    kept = torch.tensor([[1, 6], [0, 15]])
    seen = torch.randn(2, 2, 16)
    found = objective.decoded(seen, kept, (4, 4))
    changed = objective.decoded(seen + torch.tensor([[[1.0], [0.0]]]) * torch.randn(16), kept, (4, 4))
    assert (found != changed).any(2).nonzero().tolist() == [[0, 1], [1, 0]]
    assert not torch.equal(found[0, 2], found[0, 3])  # the mask token has a position


def test_without_normalising_the_target_is_standardised_pixels():
    encoder, objective = make(CONFIG.model_copy(update={"normalise": False}))
    with torch.no_grad():
        objective.leave.weight.zero_()
        objective.leave.bias.zero_()
    x = torch.full((2, 1, 8, 8), 0.9)
    loss = objective(encoder, Batch([x], torch.arange(2))).total.item()
    assert loss == pytest.approx(((0.9 - 0.4) / 0.25) ** 2, rel=1e-5)


def test_defaults_and_the_published_decoder():
    assert MaeConfig().hidden == 0.75
    config = MaeConfig(width=512, depth=8, heads=16)
    with torch.device("meta"):
        vit = build_encoder(
            VitConfig(width=1024, depth=1, heads=16, patch=16), image_packing(3, [0.5] * 3, [0.5] * 3)
        )
        decoder = Mae(config, vit)
    block = 12 * 512**2 + 13 * 512
    expected = 1024 * 512 + 512 + 512 + 8 * block + 2 * 512 + 512 * 768 + 768
    assert sum(p.numel() for p in decoder.parameters()) == expected


def test_what_cannot_work_is_refused():
    with pytest.raises(ValueError, match="multiple of heads, got 16 and 3"):
        MaeConfig(width=16, heads=3)
    with pytest.raises(UserError, match="patch of one number"):
        make(vit=VitConfig(width=16, depth=1, heads=2, patch=1))
    encoder, objective = make()
    with pytest.raises(UserError, match="1 view of each sample, got 2"):
        objective(encoder, Batch([torch.rand(2, 1, 8, 8)] * 2, torch.arange(2)))
    with pytest.raises(UserError, match="got 9 x 9"):
        objective(encoder, Batch([torch.rand(2, 1, 9, 9)], torch.arange(2)))
