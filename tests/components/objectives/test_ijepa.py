import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.encoders.vit import VitConfig, positions
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.objectives.base import Batch
from components.objectives.ijepa import Ijepa, IjepaConfig

VIT = VitConfig(width=16, depth=1, heads=2, patch=2)
CONFIG = IjepaConfig(width=8, depth=1, heads=2, targets=3)
GRID = (4, 6)


def make(config=CONFIG, vit=VIT):
    torch.manual_seed(0)
    encoder = build_encoder(vit, image_packing(1, [0.4], [0.25]))
    objective = Ijepa(config, encoder)
    with torch.no_grad():  # a teacher that is not the student, a predictor that is not still
        for module in (objective.teacher, objective.predictor):
            for parameter in module.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return encoder, objective


def given(samples=3):
    generator = torch.Generator().manual_seed(0)
    return Batch([torch.rand(samples, 1, 8, 12, generator=generator)], torch.arange(samples))


def smooth(deviation):
    d = abs(deviation)
    return d * d / 2 if d < 1 else d - 0.5


def test_the_loss_is_put_together_by_hand():
    """One sample and one rectangle at a time: what the teacher, who sees all, makes of it, and the predictor's answer
    from the context alone."""
    encoder, objective = make()
    batch, predictor = given(), objective.predictor
    wanted, kept = objective.cut(batch.index, GRID)
    assert wanted.shape[:2] == (3, 3)
    assert kept.shape[1] == 24 - 3 * wanted.shape[2]
    where, each = positions(*GRID, 8), []
    with torch.no_grad():
        for b in range(3):
            x = batch.views[0][b : b + 1]
            told = F.layer_norm(objective.teacher.tokens(x)[0], (16,))
            seen = predictor.enter(encoder.tokens(x, kept=kept[b : b + 1])[0]) + where[kept[b]]
            for r in range(3):
                asked = torch.stack([predictor.token + where[t] for t in wanted[b, r]])
                out = predictor.blocks[0](torch.cat([asked, seen])[None])[
                    0
                ]  # order is of no matter to attention
                answer = predictor.leave(predictor.norm(out[: len(asked)]))
                each += [smooth(d) for d in (answer - told[wanted[b, r]]).flatten().tolist()]
        loss = objective(encoder, batch).total
    assert float(loss) == pytest.approx(sum(each) / len(each), rel=1e-4)


def test_what_the_context_does_not_hold_reaches_the_loss_through_the_teacher_alone():
    encoder, objective = make()
    batch = given(1)
    wanted, kept = objective.cut(batch.index, GRID)
    left = sorted(set(range(24)) - set(wanted.flatten().tolist()) - set(kept.flatten().tolist()))
    x = batch.views[0].requires_grad_()
    objective(encoder, batch).total.backward()
    reached = (x.grad.unfold(2, 2, 2).unfold(3, 2, 2).abs().sum(dim=(0, 1, 4, 5)) > 0).flatten()
    assert reached.nonzero().flatten().tolist() == kept[0].tolist()
    assert not reached[left].any()


def test_the_teacher_takes_no_gradient_follows_slowly_and_is_what_is_kept():
    encoder, objective = make()
    objective(encoder, given()).total.backward()
    assert all(p.grad is None for p in objective.teacher.parameters())
    assert all(p.grad is not None and p.grad.any() for p in encoder.parameters())
    assert all(p.grad is not None and p.grad.any() for p in objective.predictor.parameters())
    before, mine = objective.teacher.norm.bias.clone(), encoder.norm.bias.detach().clone()
    objective.after_step(encoder, 0.5)
    tau = 1 - (1 - 0.99) / 2
    torch.testing.assert_close(objective.teacher.norm.bias, tau * before + (1 - tau) * mine)
    assert objective.exported(encoder) is objective.teacher


def test_a_rectangle_does_not_see_another():
    encoder, objective = make()
    batch = given(1)
    wanted, kept = objective.cut(batch.index, GRID)
    seen = encoder.tokens(batch.views[0], kept=kept)
    both = objective.predictor(seen, kept, wanted, GRID)
    alone = objective.predictor(seen, kept, wanted[:, 1:2], GRID)
    torch.testing.assert_close(both[:, 1:2], alone)


def test_sizes_are_the_steps_and_places_the_samples():
    _, objective = make(IjepaConfig(scale=(0.02, 0.3)))
    sizes = set()
    for _ in range(20):
        wanted, _ = objective.cut(torch.arange(5), (14, 14))
        again, _ = objective.cut(torch.tensor([3]), (14, 14))
        assert torch.equal(again[0], wanted[3])
        assert len({tuple(corner) for corner in wanted[:, :, 0].tolist()}) > 1
        sizes.add(wanted.shape[2])
        objective.chance.tick()
    assert len(sizes) > 3


def test_mistakes():
    with pytest.raises(UserError, match="needs an encoder of tokens"):
        Ijepa(
            CONFIG, build_encoder(ResnetConfig(widths=(4, 8), blocks=(1, 1)), image_packing(1, [0.4], [0.25]))
        )
    with pytest.raises(ValidationError, match="width must be a multiple of heads"):
        IjepaConfig(width=8, heads=3)
    with pytest.raises(ValidationError, match="scale must be two shares"):
        IjepaConfig(scale=(0.3, 0.2))
    encoder, objective = make()
    with pytest.raises(UserError, match="more than 3 patches"):
        objective(encoder, Batch([torch.rand(2, 1, 2, 4)], torch.arange(2)))
