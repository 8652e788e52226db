import math

import pytest
import torch

from components.errors import UserError
from components.objectives.simclr import nt_xent
from components.objectives.supcon import Supcon, SupconConfig, sup_con
from tests.components.objectives.toys import Z1, Z2, batch, make, noise

SMALL = SupconConfig(hidden=5, embedding=4)
NONE = torch.full((4,), -1)


def slow(a, b, targets, temperature):
    z = [v / v.norm() for v in torch.cat([a, b])]
    n, labels, total = len(a), targets.tolist() * 2, 0.0
    for i in range(2 * n):
        others = sum(math.exp(float(z[i] @ z[k]) / temperature) for k in range(2 * n) if k != i)
        alike = [
            p
            for p in range(2 * n)
            if p != i and (p % n == i % n or (labels[p] == labels[i] and labels[i] >= 0))
        ]
        logs = [math.log(math.exp(float(z[i] @ z[p]) / temperature) / others) for p in alike]
        total -= sum(logs) / len(logs)
    return total / (2 * n)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("targets", [[0, 1, 0, 1, 2], [0, -1, 0, -1, 0], [3, 3, 3, 3, 3], [-1] * 5])
def test_equals_equation_2_in_loops(targets, temperature):
    a, b, labels = noise(), noise(seed=1), torch.tensor(targets)
    assert sup_con(a, b, labels, temperature=temperature).item() == pytest.approx(
        slow(a, b, labels, temperature)
    )


def test_without_labels_it_is_simclr():
    for t in (0.07, 0.2, 1.0):
        expected = nt_xent(Z1, Z2, temperature=t)
        torch.testing.assert_close(sup_con(Z1, Z2, NONE, temperature=t), expected)
        torch.testing.assert_close(sup_con(Z1, Z2, torch.arange(4), temperature=t), expected)
    assert sup_con(Z1, Z2, NONE, temperature=0.1).item() == pytest.approx(0.1542194981, abs=1e-10)


def test_closed_forms():
    ones = torch.ones(4, 3, dtype=torch.float64)
    assert sup_con(ones, ones, torch.zeros(4).long(), temperature=0.1).item() == pytest.approx(math.log(7))
    # two classes of two samples, each at its own direction: 3 positives at cosine 1, 4 others at 0
    two = torch.eye(2, dtype=torch.float64)[[0, 0, 1, 1]]
    assert sup_con(two, two, torch.tensor([5, 5, 2, 2]), temperature=1.0).item() == pytest.approx(
        math.log(3 + 4 / math.e)
    )
    # without the labels one of the three is the positive: the same, for all three are as near
    assert sup_con(two, two, NONE, temperature=1.0).item() == pytest.approx(math.log(3 + 4 / math.e))


def test_the_mean_over_positives_stands_outside_the_logarithm():
    a = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    labels = torch.zeros(2).long()  # positives of each view: one at cosine 1, two at 0; outside: log(e + 2)
    assert sup_con(a, a, labels, temperature=1.0).item() == pytest.approx(math.log(math.e + 2) - 1 / 3)


def test_the_gradient_is_that_of_finite_differences_and_reaches_both_views():
    a, b = (noise(4, seed=s).requires_grad_() for s in (0, 1))
    labels = torch.tensor([0, 0, -1, -1])
    assert torch.autograd.gradcheck(lambda x, y: sup_con(x, y, labels, temperature=0.5), (a, b))


def test_the_objective_gives_labels_where_there_are_any():
    objective, encoder = make(Supcon, SMALL)
    assert objective.uses_labels
    labels = torch.tensor([0, 0, 1, -1, -1, 1])
    a, b = (objective.head(encoder(v)).detach().double() for v in batch().views)
    for targets, known in ((labels, labels), (None, torch.full((6,), -1))):
        loss = objective(encoder, batch(targets=targets)).total.item()
        assert loss == pytest.approx(slow(a, b, known, 0.1), rel=1e-4)


def test_one_sample_and_missing_targets_are_refused():
    objective, encoder = make(Supcon, SMALL)
    with pytest.raises(UserError, match="2 samples or more"):
        objective(encoder, batch(samples=1))
    with pytest.raises(UserError, match="each with a target"):
        sup_con(Z1, Z2, NONE[:3], temperature=1.0)


def test_defaults_and_published_values():
    assert (SupconConfig().temperature, SupconConfig().embedding) == (0.1, 128)
    objective, encoder = make(Supcon, SupconConfig(hidden=2048))
    loss = objective(encoder, batch(targets=torch.tensor([0, 0, 1, 1, 2, 2]))).total.item()
    assert 0 < loss < math.log(11) + 20
