import math

import pytest
import torch

from components.objectives.parts.neighbours import consistency, nearest, spread


def points(rows=40):
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(0))


def logits(rows=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(rows, 3, generator=generator, dtype=torch.float64)


def softmax(row):
    e = [math.exp(float(s)) for s in row]
    return [x / sum(e) for x in e]


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_nearest_equals_a_loop_whatever_the_chunk(chunk):
    x = points(20)
    unit = x / x.norm(dim=1, keepdim=True)
    for i, found in enumerate(nearest(x, 3, chunk=chunk).tolist()):
        others = sorted((j for j in range(20) if j != i), key=lambda j: -float(unit[i] @ unit[j]))
        assert found == others[:3]
    assert torch.equal(nearest(x, 3, slice(5, 9), chunk), nearest(x, 3)[5:9])
    assert nearest(x, 3, slice(4, 4)).shape == (0, 3)


def test_nearest_goes_by_direction_not_length():
    x = torch.tensor([[1.0, 0], [0, 1], [100, 1], [1, 100]])
    assert nearest(x, 1).flatten().tolist() == [2, 3, 0, 1]


def test_consistency_and_spread_equal_loops():
    a, b = logits(), logits(seed=1)
    p, q = [softmax(row) for row in a], [softmax(row) for row in b]
    slow = sum(-math.log(sum(x * y for x, y in zip(*rows, strict=True))) for rows in zip(p, q, strict=True))
    assert consistency(a, b).item() == pytest.approx(slow / 6, rel=1e-12)
    means = [sum(row[k] for row in p) / 6 for k in range(3)]
    assert spread(a).item() == pytest.approx(-sum(m * math.log(m) for m in means), rel=1e-12)


def test_closed_forms_of_the_neighbours_loss():
    flat, sure = torch.zeros(3, 3, dtype=torch.float64), 1000 * torch.eye(3, dtype=torch.float64)
    assert consistency(flat, flat).item() == pytest.approx(math.log(3), abs=1e-12)
    assert consistency(sure, sure).item() == 0
    assert spread(flat).item() == pytest.approx(math.log(3), abs=1e-12)
    assert spread(sure).item() == pytest.approx(math.log(3), abs=1e-12)  # each sure of another
    assert spread(sure[:1]).item() == 0


def test_gradients_are_those_of_finite_differences():
    a, b = logits(3).requires_grad_(), logits(3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(consistency, (a, b))
    assert torch.autograd.gradcheck(spread, a)
