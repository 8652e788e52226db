import math

import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives.mocov3 import Mocov3, Mocov3Config, contrast
from tests.components.objectives.toys import Z1, Z2, batch, drift, make, move, noise

SMALL = Mocov3Config(hidden=16, embedding=4)


def slow(query, key, temperature):
    query, key = query.detach(), key.detach()
    total = 0.0
    for i, q in enumerate(query):
        row = [math.exp(float(q @ k / q.norm() / k.norm()) / temperature) for k in key]
        total -= math.log(row[i] / sum(row))
    return 2 * temperature * total / len(query)


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_equals_algorithm_1_in_loops(temperature):
    for q, k in ((Z1, Z2), (noise(), noise(seed=1))):
        assert contrast(q, k, temperature=temperature).item() == pytest.approx(slow(q, k, temperature))


def test_closed_forms():
    eye, ones = torch.eye(2, dtype=torch.float64), torch.ones(5, 3, dtype=torch.float64)
    assert contrast(eye, eye, temperature=1.0).item() == pytest.approx(2 * math.log(1 + math.exp(-1)))
    assert contrast(ones, ones, temperature=0.2).item() == pytest.approx(0.4 * math.log(5))


def test_only_the_query_takes_gradient_and_the_right_one():
    q, k = (noise(3, seed=s).requires_grad_() for s in (0, 1))
    contrast(q, k, temperature=0.5).backward()
    assert k.grad is None
    assert torch.autograd.gradcheck(lambda x: contrast(x, k, temperature=0.5), (q,))


def test_the_objective_sums_both_directions():
    objective, encoder = make(Mocov3, SMALL)
    move(objective.teacher)
    a, b = batch().views
    predicted = [objective.predictor(objective.head(encoder(v))) for v in (a, b)]
    keys = [objective.teacher(v) for v in (a, b)]
    expected = slow(predicted[0], keys[1], 0.2) + slow(predicted[1], keys[0], 0.2)
    assert objective(encoder, batch()).total.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("progress", "tau"), [(0.0, 0.6), (0.5, 0.8), (1.0, 1.0)])
def test_the_teachers_momentum_rises_to_one(progress, tau):
    objective, encoder = make(Mocov3, SMALL.model_copy(update={"momentum": 0.6}))
    before = [p.clone() for p in objective.teacher.parameters()]
    student = nn.Sequential(encoder, objective.head)
    move(student)
    objective.after_step(encoder, progress)
    assert drift(objective.teacher, before, student) == pytest.approx([tau] * len(before), abs=1e-4)


def test_one_sample_alone_is_refused():
    objective, encoder = make(Mocov3, SMALL)
    with pytest.raises(UserError, match="2 samples or more"):
        objective(encoder, batch(samples=1))
    with pytest.raises(UserError, match="no negatives"):
        contrast(torch.ones(1, 3), torch.ones(1, 3), temperature=1.0)


def test_defaults_and_published_values():
    assert (Mocov3Config().temperature, Mocov3Config().momentum) == (0.2, 0.99)
    objective, encoder = make(Mocov3, Mocov3Config(hidden=4096, embedding=256, temperature=1.0))
    assert 0 < objective(encoder, batch()).total.item() < 4 * (math.log(6) + 2)
    widths = [m.out_features for m in objective.modules() if isinstance(m, nn.Linear) and m.out_features > 9]
    assert widths == [4096, 256, 4096, 256, 4096, 256]  # head, predictor, the teacher's head
