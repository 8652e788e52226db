import math

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.vit import VitConfig
from components.modalities.image.config import image_packing
from components.objectives.base import Batch
from components.objectives.dino import DinoConfig, targets, warmed
from components.objectives.ibot import Ibot, IbotConfig, token_loss

VIT = VitConfig(width=16, depth=1, heads=2, patch=2)
DINO = DinoConfig(hidden=8, bottleneck=6, outputs=5, norm=False, freeze=0.0)


def make(config=IbotConfig(dino=DINO), vit=VIT):  # noqa: B008 - frozen
    torch.manual_seed(0)
    encoder = build_encoder(vit, image_packing(1, [0.4], [0.25]))
    return encoder, Ibot(config, encoder)


def given(samples=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Batch([torch.rand(samples, 1, 8, 8, generator=generator) for _ in range(2)], torch.arange(samples))


def slow(scores, codes, temperature):
    total = 0.0
    for s, q in zip(scores.tolist(), codes.tolist(), strict=True):
        norm = math.log(sum(math.exp(v / temperature) for v in s))
        total -= sum(p * (v / temperature - norm) for p, v in zip(q, s, strict=True))
    return total / len(scores)


def test_the_token_loss_equals_a_loop_and_is_ln_k_where_nothing_is_told_apart():
    torch.manual_seed(0)
    scores, codes = torch.randn(6, 5), torch.rand(6, 5).softmax(1)
    assert float(token_loss(scores, codes, 0.5)) == pytest.approx(slow(scores, codes, 0.5), rel=1e-5)
    assert float(token_loss(torch.ones(6, 5), codes, 0.1)) == pytest.approx(math.log(5))


def test_the_loss_is_put_together_by_hand():
    """Teacher sees all, student what is not hidden; features cross over, tokens stay in their place."""
    encoder, objective = make(IbotConfig(dino=DINO, tokens=0.5))
    objective.centre.copy_(torch.randn(2, 5))
    objective.teacher[0].blocks[0].attn.qkv.weight.data.mul_(1.3)
    batch, head, teacher = given(), objective.head, objective.teacher
    heat = warmed(DINO.teacher_temperature, DINO.warm, torch.zeros(()))
    assert heat == 0.04
    hidden = [objective.hidden(batch.index, view, 2, n) for n, view in enumerate(batch.views)]
    assert all(h.sum(1).tolist() == [5] * 3 for h in hidden)
    assert not torch.equal(*hidden)
    said, tokens, codes, token_codes = [], [], [], []
    with torch.no_grad():
        for view, h in zip(batch.views, hidden, strict=True):
            feature, its = encoder.both(view, masked=h, token=objective.token)
            said.append(head(feature))
            tokens += [head(its[b, t][None]) for b in range(3) for t in range(16) if h[b, t]]
            whole, all_ = teacher[0].both(view)
            codes.append(targets(teacher[1](whole), objective.centre[0], heat))
            token_codes += [teacher[1](all_[b, t][None]) for b in range(3) for t in range(16) if h[b, t]]
        told = targets(torch.cat(token_codes), objective.centre[1], heat)
        crossed = (slow(said[1], codes[0], 0.1) + slow(said[0], codes[1], 0.1)) / 2
        losses = objective(encoder, batch)
    assert float(losses.parts["dino"]) == pytest.approx(crossed, rel=1e-4)
    by_hand = slow(torch.cat(tokens), told, 0.1)
    assert float(losses.parts["tokens"]) == pytest.approx(by_hand, rel=1e-4)
    assert float(losses.total) == pytest.approx(crossed + 0.5 * by_hand, rel=1e-4)


def test_each_centre_follows_the_teacher_s_mean_answer_to_what_it_centres():
    encoder, objective = make()
    batch = given()
    objective(encoder, batch)
    teacher = objective.teacher
    with torch.no_grad():
        both = torch.cat(batch.views)
        feature, its = teacher[0].both(both)
        hidden = torch.cat([objective.hidden(batch.index, v, 2, n) for n, v in enumerate(batch.views)])
        expected = torch.stack([teacher[1](feature).mean(0), teacher[1](its[hidden]).mean(0)])
    assert not objective.centre.any()
    objective.after_step(encoder, 0.1)
    torch.testing.assert_close(objective.centre, 0.1 * expected)
    objective.after_step(encoder, 0.2)  # no forward in between: nothing new to follow
    torch.testing.assert_close(objective.centre, 0.1 * expected)


def test_the_teacher_takes_no_gradient_and_is_what_is_kept():
    encoder, objective = make()
    objective(encoder, given()).total.backward()
    assert all(p.grad is None for p in objective.teacher.parameters())
    assert all(p.grad is not None and p.grad.any() for p in encoder.parameters())
    assert objective.token.grad.any()
    before = objective.teacher[0].norm.bias.clone()
    with torch.no_grad():
        encoder.norm.bias.add_(1.0)
    objective.after_step(encoder, 0.5)
    tau = 1 - (1 - 0.99) / 2
    torch.testing.assert_close(objective.teacher[0].norm.bias, before + 1 - tau)
    assert objective.exported(encoder) is objective.teacher[0]


def test_collapse_is_ln_k_of_both_terms():
    _, objective = make(IbotConfig(dino=DINO, tokens=0.5))
    assert objective.collapse_loss == pytest.approx(1.5 * math.log(5))
    _, spread = make(IbotConfig(dino=DINO.model_copy(update={"koleo": 0.1})))
    assert spread.collapse_loss is None


def test_the_teacher_leaves_out_no_block_where_the_student_does():
    encoder, objective = make(vit=VIT.model_copy(update={"depth": 2, "drop_path": 0.9}))
    x = torch.rand(6, 1, 8, 8)
    encoder.train()
    teacher = objective.train().teacher[0]
    with torch.no_grad():
        assert torch.equal(teacher(x), teacher(x))
    assert not torch.equal(encoder(x), encoder(x))
