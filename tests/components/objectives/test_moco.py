import math

import pytest
import torch
from torch import nn

from components.encoders.norm import BatchNorm
from components.errors import UserError
from components.objectives.moco import Moco, MocoConfig, info_nce
from components.objectives.parts.two_views import unit
from tests.components.objectives.toys import Z1, Z2, B, D, Flat, batch, drift, make, move, noise

QUEUE = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 1]], dtype=torch.float64)
SMALL = MocoConfig(hidden=5, embedding=4, queue=10)


def slow(query, key, queue, temperature):
    query, key = query.detach(), key.detach()
    total = 0.0
    for q, k in zip(query, key, strict=True):
        own = math.exp(float(q @ k / q.norm() / k.norm()) / temperature)
        old = sum(math.exp(float(q @ o / q.norm() / o.norm()) / temperature) for o in queue)
        total -= math.log(own / (own + old))
    return total / len(query)


@pytest.mark.parametrize(("temperature", "golden"), [(0.07, 0.2571441438), (0.2, 0.5390336577)])
def test_golden_values(temperature, golden):
    assert info_nce(Z1, Z2, QUEUE, temperature=temperature).item() == pytest.approx(golden, abs=1e-10)


def test_equals_equation_1_in_loops():
    q, k, old = noise(), noise(seed=1), noise(9, seed=2)
    assert info_nce(q, k, old, temperature=0.3).item() == pytest.approx(slow(q, k, old, 0.3))


def test_equal_vectors_cost_the_logarithm_of_all_keys():
    ones = torch.ones(3, 4, dtype=torch.float64)
    assert info_nce(ones, ones, torch.ones(9, 4), temperature=0.2).item() == pytest.approx(math.log(10))


def test_only_the_query_takes_gradient_and_the_right_one():
    q, k, old = (noise(n, seed=n).requires_grad_() for n in (3, 3, 6))
    with pytest.raises(UserError, match="two equal"):
        info_nce(q, old, old, temperature=0.5)
    info_nce(q, k, old, temperature=0.5).backward()
    assert k.grad is None
    assert old.grad is None
    assert torch.autograd.gradcheck(lambda x: info_nce(x, k, old, temperature=0.5), (q,))


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_objective_composes_teacher_head_and_queue(symmetric):
    objective, encoder = make(Moco, SMALL.model_copy(update={"symmetric": symmetric}))
    move(objective.teacher)
    move(objective.head)
    a, b = batch().views
    asked = [objective.head(encoder(v)) for v in (a, b)]
    keys = [objective.teacher(v) for v in (a, b)]
    there = slow(asked[0], keys[1], objective.queue.rows, 0.2)
    back = slow(asked[1], keys[0], objective.queue.rows, 0.2)
    expected = (there + back) / 2 if symmetric else there
    assert objective(encoder, batch()).total.item() == pytest.approx(expected, rel=1e-5)


def test_the_keys_of_a_step_enter_the_queue_after_its_loss():
    objective, encoder = make(Moco, SMALL)
    objective.train()
    start = objective.queue.rows.clone()
    first = objective(encoder, batch()).total
    torch.testing.assert_close(objective(encoder, batch()).total, first)  # forward stores nothing there
    assert torch.equal(objective.queue.rows, start)
    keys = unit(objective.teacher(batch().views[1]))
    objective.after_step(encoder, 0.1)
    torch.testing.assert_close(objective.queue.rows, torch.cat([keys, start[: 10 - B]]))
    objective.eval()(encoder, batch(seed=1))
    objective.after_step(encoder, 0.2)
    torch.testing.assert_close(objective.queue.rows[:B], keys)


def test_of_a_symmetric_loss_the_keys_of_both_views_enter():
    objective, encoder = make(Moco, SMALL.model_copy(update={"symmetric": True, "queue": 2 * B}))
    a, b = (unit(objective.teacher(v)) for v in batch().views)
    objective.train()(encoder, batch())
    objective.after_step(encoder, 0.1)
    torch.testing.assert_close(objective.queue.rows, torch.cat([a, b]))


@pytest.mark.parametrize("progress", [0.1, 1.0])
def test_the_teacher_follows_at_a_fixed_momentum(progress):
    objective, encoder = make(Moco, SMALL.model_copy(update={"momentum": 0.75}))
    before = [p.clone() for p in objective.teacher.parameters()]
    student = nn.Sequential(encoder, objective.head)
    move(student)
    objective.after_step(encoder, progress)
    found = drift(objective.teacher, before, student)
    assert len(found) == len(before)
    assert found == pytest.approx([0.75] * len(found), abs=1e-4)


def test_the_teachers_batch_norm_sees_the_keys_and_is_its_own():
    class Normed(Flat):
        def __init__(self):
            super().__init__()
            self.norm = BatchNorm(D)

        def forward(self, x):
            return self.norm(super().forward(x))

    encoder = Normed()
    objective = Moco(SMALL, encoder)
    objective(encoder, batch())
    theirs, own = (
        super(Normed, m).forward(v)
        for m, v in zip((objective.teacher[0], encoder), reversed(batch().views), strict=True)
    )
    torch.testing.assert_close(objective.teacher[0].norm.running_mean, 0.1 * theirs.mean(0))
    torch.testing.assert_close(encoder.norm.running_mean, 0.1 * own.mean(0))


def test_defaults_and_published_values():
    config = MocoConfig()
    assert (config.temperature, config.queue, config.momentum, config.symmetric) == (0.2, None, 0.99, False)
    assert Moco(config, Flat(), rows=5000).queue.rows.shape == (1024, 128)
    objective, encoder = make(Moco, MocoConfig(hidden=2048, queue=65536, momentum=0.999))
    assert objective.queue.rows.shape == (65536, 128)
    loss = objective(encoder, batch()).total.item()
    assert loss == pytest.approx(math.log(65536), abs=6)  # a positive cosine of 1 counts e^5
    assert math.log(65536) - 5 < loss < math.log(65537)


def test_a_warm_start_on_more_samples_takes_the_queue_over_and_makes_it_longer():
    config = MocoConfig(hidden=16, embedding=4)
    parent, child = (Moco(config, Flat(), rows) for rows in (64, 128))
    own = child.queue.rows.clone()
    child.carry_over(parent.state_dict())
    assert torch.equal(child.queue.rows, torch.cat([parent.queue.rows, own[16:]]))
    assert len(own) == 32
