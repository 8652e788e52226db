import math

import pytest
import torch
from torch import nn

from components.objectives.base import Batch
from components.semisupervised.distillation import Distillation, DistillationConfig, distillation_loss
from tests.components.semisupervised.cases import ROWS, D, K, L, Small, batch, encoder

LOG3 = math.log(3)


def method(**options):
    torch.manual_seed(0)
    return Distillation(DistillationConfig(**options), encoder(), K, ROWS)


def other_teacher(channels=4):
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, channels, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, K)
    )


@pytest.mark.parametrize(
    ("student", "temperature", "expected"),
    [
        ((0.0, 0.0), 1.0, math.log(2)),
        ((LOG3, 0.0), 1.0, 1.1116412890),  # .25 log 4/3 + .75 log 4
        ((LOG3, 0.0), 0.5, 2.0828626352),  # shares (.1, .9) of (.9, .1)
        ((0.0, LOG3), 1.0, 0.5623351446),  # the teacher's own entropy
    ],
)
def test_golden_values(student, temperature, expected):
    """The teacher says (1/4, 3/4) at temperature 1 and (.1, .9) at one half."""
    teacher = torch.tensor([[0.0, LOG3]], dtype=torch.float64)
    found = distillation_loss(torch.tensor([student], dtype=torch.float64), teacher, temperature)
    assert found.item() == pytest.approx(expected, abs=1e-9)


def test_it_is_the_mean_of_a_slow_loop_and_its_gradient_is_in_closed_form():
    g = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(5, 4, generator=g, dtype=torch.float64) for _ in range(2))
    student.requires_grad_()
    teacher.requires_grad_()
    t, slow = 0.3, 0.0
    for s, q in zip(student.detach().tolist(), teacher.detach().tolist(), strict=True):
        z, w = ([math.exp(v / t) for v in row] for row in (s, q))
        slow -= sum(b / sum(w) * math.log(a / sum(z)) for a, b in zip(z, w, strict=True)) / 5
    loss = distillation_loss(student, teacher, t)
    assert loss.item() == pytest.approx(slow, rel=1e-12)
    loss.backward()
    assert teacher.grad is None
    expected = ((student / t).softmax(1) - (teacher / t).softmax(1)) / (5 * t)
    torch.testing.assert_close(student.grad, expected.detach())


def test_published_defaults():
    assert DistillationConfig().model_dump(include={"temperature", "alpha"}) == {
        "temperature": 1.0,
        "alpha": 1.0,
    }


def test_alpha_weighs_the_teacher_against_the_labels():
    e, losses = encoder().eval(), {}
    for alpha in (0.0, 0.25, 1.0):
        m = method(alpha=alpha)
        m.learn_from(other_teacher())
        losses[alpha] = m(e, batch(m))
    parts = losses[0.25].parts
    assert losses[0.0].total.item() == pytest.approx(parts["supervised"].item())
    assert losses[1.0].total.item() == pytest.approx(parts["distillation"].item())
    mixed = 0.25 * parts["distillation"] + 0.75 * parts["supervised"]
    assert losses[0.25].total.item() == pytest.approx(mixed.item())


def test_teacher_and_student_see_the_same_weak_view_of_every_row():
    m, seen = method(), []
    teacher = other_teacher()
    teacher.register_forward_hook(lambda module, given, out: seen.append(given[0]))
    m.learn_from(teacher)
    b = batch(m)
    e = encoder().eval()
    found = m(e, b).parts["distillation"]
    assert torch.equal(seen[0], b.views[0])
    with torch.no_grad():
        slow = distillation_loss(m.head(e(b.views[0])), teacher(b.views[0]), 1.0)
    torch.testing.assert_close(found, slow)


def test_the_teacher_is_held_still_in_eval_mode_and_may_be_of_another_shape():
    m, teacher = method(), nn.Sequential(Small(), nn.Linear(D, K))
    m.learn_from(teacher)
    before = {name: value.clone() for name, value in m.teacher.state_dict().items()}
    m.train()
    assert not m.teacher.training
    m(encoder(), batch(m)).total.backward()
    m.after_step(encoder(), 0.5)
    assert all(torch.equal(value, before[name]) for name, value in m.teacher.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in m.teacher.parameters())
    assert all(p.requires_grad for p in teacher.parameters()), "a copy, not the given one"
    assert any(name.startswith("teacher.") for name in m.state_dict()), "a checkpoint holds it"


def test_pseudo_labels_are_not_looked_at():
    m = method(alpha=0.5)
    b = batch(m)
    turned = b.targets.clone()
    turned[L:] = (turned[L:] + 1) % K
    e = encoder().eval()
    assert torch.equal(m(e, b).total, m(e, Batch(b.views, b.index, turned, b.weights, L)).total)
