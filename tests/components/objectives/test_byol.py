import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives.byol import Byol, ByolConfig, regression
from tests.components.objectives.toys import Z1, Z2, batch, drift, make, move, noise

SMALL = ByolConfig(hidden=16, embedding=4)


def slow(p, z):
    p, z = p.detach(), z.detach()
    rows = [((a / a.norm() - b / b.norm()) ** 2).sum() for a, b in zip(p, z, strict=True)]
    return float(sum(rows) / len(rows))


def test_golden_values():
    assert regression(Z1, Z2).item() == pytest.approx(0.0737549130, abs=1e-10)
    assert (regression(Z1, Z2) + regression(Z2, Z1)).item() == pytest.approx(0.1475098261, abs=1e-10)


def test_it_is_the_squared_distance_of_unit_rows():
    p, z = noise(), noise(seed=1)
    assert regression(p, z).item() == pytest.approx(slow(p, z))
    eye = torch.eye(3, dtype=torch.float64)
    assert [regression(eye, e).item() for e in (eye, eye.roll(1, 0), -eye)] == pytest.approx([0, 2, 4])


def test_only_the_prediction_takes_gradient_and_the_right_one():
    p, z = (noise(3, seed=s).requires_grad_() for s in (0, 1))
    regression(p, z).backward()
    assert z.grad is None
    assert torch.autograd.gradcheck(lambda x: regression(x, z), (p,))


def test_each_view_predicts_the_teachers_embedding_of_the_other():
    objective, encoder = make(Byol, SMALL)
    move(objective.teacher)
    a, b = batch().views
    predicted = [objective.predictor(objective.head(encoder(v))) for v in (a, b)]
    targets = [objective.teacher(v) for v in (a, b)]
    expected = slow(predicted[0], targets[1]) + slow(predicted[1], targets[0])
    wrong = slow(predicted[0], targets[0]) + slow(predicted[1], targets[1])
    assert abs(expected - wrong) > 1e-3
    assert objective(encoder, batch()).total.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("progress", "tau"), [(0.0, 0.6), (0.5, 0.8), (1.0, 1.0)])
def test_the_teachers_momentum_rises_to_one(progress, tau):
    objective, encoder = make(Byol, SMALL.model_copy(update={"momentum": 0.6}))
    before = [p.clone() for p in objective.teacher.parameters()]
    student = nn.Sequential(encoder, objective.head)
    move(student)
    objective.after_step(encoder, progress)
    assert drift(objective.teacher, before, student) == pytest.approx([tau] * len(before), abs=1e-4)


def test_what_does_not_fit_is_refused():
    objective, encoder = make(Byol, SMALL)
    with pytest.raises(UserError, match="byol needs 2 views"):
        objective(encoder, batch(3))
    with pytest.raises(UserError, match="two equal"):
        regression(Z1, Z2[:3])


def test_defaults_and_published_values():
    assert (ByolConfig().momentum, ByolConfig().hidden, ByolConfig().embedding) == (0.99, 512, 128)
    objective, encoder = make(Byol, ByolConfig(hidden=4096, embedding=256, momentum=0.996))
    assert 0 < objective(encoder, batch()).total.item() < 8
    before = objective.teacher[0].layer.weight.clone()
    move(encoder)
    objective.after_step(encoder, 0.5)  # tau = .998
    torch.testing.assert_close(objective.teacher[0].layer.weight, before + 0.002 * 0.1)
