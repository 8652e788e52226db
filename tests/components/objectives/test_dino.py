import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from components.errors import UserError
from components.objectives.dino import Dino, DinoConfig, DinoHead, targets, warmed
from components.objectives.parts.koleo import koleo
from components.objectives.swav import swapped_prediction
from tests.components.objectives.toys import Z1, Z2, batch, drift, make, move

K = 5
SMALL = DinoConfig(hidden=6, bottleneck=4, outputs=K, norm=False, freeze=0.0)


def small(**fields):
    return make(Dino, SMALL.model_copy(update=fields))


def slow(student, teacher, centre, temperature, teacher_temperature):
    """Equation 3 in loops over views, samples and outputs."""
    terms = []
    for g, t in enumerate(teacher):
        for v, s in enumerate(student):
            for b in range(len(s)) if v != g else ():
                p = [math.exp((x - c) / teacher_temperature) for x, c in zip(t[b], centre, strict=True)]
                low = math.log(sum(math.exp(x / temperature) for x in s[b]))
                terms.append(-sum(a / sum(p) * (x / temperature - low) for a, x in zip(p, s[b], strict=True)))
    return sum(terms) / len(terms)


def scores(objective, encoder, seen):
    with torch.no_grad():
        student = [objective.head(encoder(v)).tolist() for v in seen.views]
        return student, [objective.teacher(v).tolist() for v in seen.views[:2]]


@pytest.mark.parametrize(("centred", "golden"), [(False, 0.1735261513), (True, 0.1761126624)])
def test_golden_values(centred, golden):
    centre = Z2.mean(0) if centred else torch.zeros(3)
    codes = [targets(Z2, centre, 0.04)]
    found = swapped_prediction(
        [Z2, Z1], codes, temperature=0.1
    )  # the code of the first, the scores of the second
    assert found.item() == pytest.approx(golden, abs=1e-10)
    assert slow([Z2.tolist(), Z1.tolist()], [Z2.tolist()], centre.tolist(), 0.1, 0.04) == pytest.approx(
        golden
    )


def test_targets_are_sharpened_by_hand():
    found = targets(torch.tensor([[math.log(2), 0.0]], requires_grad=True), torch.zeros(2), 0.5)
    assert found.tolist() == [[pytest.approx(0.8), pytest.approx(0.2)]]
    assert not found.requires_grad
    assert targets(Z1[:1], Z1[0], 0.04).tolist() == [[pytest.approx(1 / 3)] * 3]


def test_the_teachers_temperature_rises_in_a_line():
    found = [warmed((0.04, 0.07), 0.3, torch.tensor(p)).item() for p in (0, 0.15, 0.3, 1)]
    assert found == pytest.approx([0.04, 0.055, 0.07, 0.07])
    assert warmed((0.04, 0.07), 0.0, torch.zeros(())).item() == pytest.approx(0.07)


@pytest.mark.parametrize("views", [2, 4])
def test_the_objective_composes_student_teacher_and_centre(views):
    objective, encoder = small()
    move(objective.teacher[0])
    objective.centre.copy_(torch.tensor([0.3, -0.2, 0.1, 0.0, 0.5]))
    objective.progress.fill_(0.15)
    seen = batch(views)
    found = objective(encoder, seen)
    expected = slow(*scores(objective, encoder, seen), objective.centre.tolist(), 0.1, 0.055)
    assert found.total.item() == pytest.approx(expected, rel=1e-4)
    assert found.parts["dino"].item() == found.total.item()


def test_views_are_two_global_ones_and_the_local_ones():
    assert Dino(DinoConfig(locals=4), make(Dino, SMALL)[1]).views == (("global", 2), ("local", 4))
    objective, encoder = small()
    with pytest.raises(UserError, match="2 views or more"):
        objective(encoder, batch(1))


def test_scores_are_cosines_whatever_the_lengths():
    head = DinoHead(7, 6, 4, K, norm=False)
    x = torch.randn(3, 7)
    with torch.no_grad():
        found = head(x)
        cosines = F.cosine_similarity(head.body(x)[:, None], head.last[None], dim=2)
        torch.testing.assert_close(found, cosines)
        head.last.mul_(torch.arange(1.0, 6.0).unsqueeze(1))
        torch.testing.assert_close(head(x), found)


def test_the_norm_stands_between_the_heads_layers_and_its_defaults_spread_samples_that_are_near():
    """Features that differ by a hundredth of their length: without the norm all get nearly the same scores."""
    torch.manual_seed(0)
    x = torch.ones(16, 7) + 0.01 * torch.randn(16, 7)
    spread = {norm: DinoHead(7, 64, 32, 50, norm)(x).std(dim=0).mean().item() for norm in (False, True)}
    assert spread[True] > 10 * spread[False]
    assert DinoConfig().norm
    kinds = [type(part).__name__ for part in DinoHead(7, 6, 4, K, norm=True).body]
    assert kinds == ["Linear", "BatchNorm", "ReLU"] * 2 + ["Linear"]


def test_the_centre_follows_after_the_step_and_the_loss_uses_the_one_before():
    objective, encoder = small()
    objective.train()
    answers = torch.tensor(scores(objective, encoder, batch())[1])
    first = objective(encoder, batch()).total
    assert (objective.centre == 0).all()
    torch.testing.assert_close(objective(encoder, batch()).total, first)
    objective.after_step(encoder, 0.0)
    torch.testing.assert_close(objective.centre, 0.1 * answers.mean(dim=(0, 1)))
    before = objective.centre.clone()
    objective(encoder, batch())
    objective.after_step(encoder, 0.0)
    torch.testing.assert_close(objective.centre, 0.9 * before + 0.1 * answers.mean(dim=(0, 1)))
    objective.eval()(encoder, batch())
    before = objective.centre.clone()
    objective.after_step(encoder, 0.0)
    assert torch.equal(objective.centre, before)


@pytest.mark.parametrize(("progress", "tau"), [(0.0, 0.6), (0.5, 0.8), (1.0, 1.0)])
def test_the_teachers_momentum_rises_to_one(progress, tau):
    objective, encoder = small(momentum=0.6)
    before = [p.clone() for p in objective.teacher.parameters()]
    student = nn.Sequential(encoder, objective.head)
    move(student)
    objective.after_step(encoder, progress)
    assert drift(objective.teacher, before, student) == pytest.approx([tau] * len(before), abs=1e-4)


def test_a_frozen_last_layer_gets_gradient_zero_and_then_more():
    objective, encoder = small(freeze=0.5)
    objective(encoder, batch()).total.backward()
    assert (objective.head.last.grad == 0).all()
    assert objective.head.body[0].weight.grad.abs().sum() > 0
    objective.zero_grad()
    objective.after_step(encoder, 0.5)
    objective(encoder, batch()).total.backward()
    assert objective.head.last.grad.abs().sum() > 0
    assert all(p.grad is None for p in objective.teacher.parameters())


def test_koleo_is_added_to_the_loss_for_the_global_views():
    objective, encoder = small(koleo=0.1)
    plain, _ = small()
    seen = batch(4)
    spread = sum(koleo(encoder(v)).item() for v in seen.views[:2]) / 2
    found = objective(encoder, seen)
    expected = plain(encoder, seen).total.item() + 0.1 * spread
    assert found.total.item() == pytest.approx(expected, rel=1e-5)
    assert found.parts["koleo"].item() == pytest.approx(spread, rel=1e-5)
    with pytest.raises(UserError, match="koleo needs"):
        objective(encoder, batch(samples=1))


def test_figures_are_the_entropy_and_what_the_loss_is_above_it():
    objective, encoder = small()
    objective.train()
    nothing = {"teacher_entropy": 0.0, "teacher_information": math.log(K), "divergence": 0.0}
    assert objective.figures() == nothing
    total = 0.0
    for step in range(2):
        _, teacher = scores(objective, encoder, batch(seed=step))
        p = torch.cat([targets(torch.tensor(t), objective.centre, 0.04) for t in teacher])
        entropy = -(p * p.log()).sum(1).mean().item()
        loss = objective(encoder, batch(seed=step)).total.item()
        total += entropy / 2
        objective.after_step(encoder, 0.0)
    assert objective.figures()["teacher_entropy"] == pytest.approx(total, rel=1e-4)
    assert objective.figures()["teacher_information"] == pytest.approx(math.log(K) - total, rel=1e-4)
    assert objective.figures()["divergence"] > 0
    objective.before_epoch(1, None)
    objective(encoder, batch(seed=1))
    objective.after_step(encoder, 0.0)
    found = objective.figures()
    assert found["teacher_entropy"] + found["divergence"] == pytest.approx(loss, rel=0.1)
    assert objective.collapse_loss == pytest.approx(math.log(K))


def test_a_uniform_student_costs_the_collapse_value():
    objective, encoder = small()
    nn.init.zeros_(objective.head.last)  # cosines of 0 with every output
    assert objective(encoder, batch()).total.item() == pytest.approx(objective.collapse_loss)
    assert small(koleo=0.1)[0].collapse_loss is None


def test_the_teachers_encoder_is_what_is_kept():
    objective, encoder = small()
    move(encoder)
    kept = objective.exported(encoder)
    assert kept is objective.teacher[0]
    assert not torch.equal(kept.layer.weight, encoder.layer.weight)


def test_progress_survives_saving_and_begins_again_on_a_warm_start():
    objective, encoder = small()
    objective.after_step(encoder, 0.7)
    other, _ = small()
    other.load_state_dict(objective.state_dict())
    assert other.progress == 0.7
    other.carry_over(objective.state_dict())
    assert other.progress == 0.0


def test_defaults_and_published_values():
    config = DinoConfig()
    assert (config.temperature, config.teacher_temperature, config.centre) == (0.1, (0.04, 0.07), 0.9)
    assert (config.momentum, config.outputs, config.koleo) == (0.99, 1024, 0.0)
    published = DinoConfig(hidden=512, bottleneck=256, outputs=65536, norm=False, momentum=0.996, freeze=0.01)
    objective, encoder = make(Dino, published)
    assert objective(encoder, batch()).total.item() == pytest.approx(math.log(65536), rel=0.2)
