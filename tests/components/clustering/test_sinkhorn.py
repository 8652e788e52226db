import math

import pytest
import torch
import torch.nn.functional as F

from components.clustering.sinkhorn import sinkhorn
from components.errors import UserError
from tests.ranks import be_a_rank, two_processes

T = [[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0], [0.3, -2.0, 1.0], [2.0, 2.0, -1.0]]


def toy():
    return F.normalize(torch.tensor(T, dtype=torch.float64), dim=1)


def cosines(rows=6, columns=4):
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(0)) * 2 - 1


def slow_sinkhorn(scores, epsilon, iterations):
    """The published loop, in the order of its code."""
    q = [[math.exp(float(s) / epsilon) for s in row] for row in scores.double()]
    samples, prototypes = len(q), len(q[0])
    for _ in range(iterations):
        sums = [sum(q[i][j] for i in range(samples)) for j in range(prototypes)]
        q = [[q[i][j] / sums[j] / prototypes for j in range(prototypes)] for i in range(samples)]
        q = [[x / sum(row) / samples for x in row] for row in q]
    return torch.tensor([[x * samples for x in row] for row in q], dtype=torch.float64)


@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
def test_codes_equal_the_published_loop(epsilon, iterations):
    s = cosines().double()
    got = sinkhorn(s, epsilon=epsilon, iterations=iterations)
    torch.testing.assert_close(got, slow_sinkhorn(s, epsilon, iterations), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("iterations", "sums"),
    [(1, [0.6525, 0.7374, 2.6101]), (3, [1.1472, 1.1483, 1.7044]), (10, [1.3282, 1.3228, 1.3490])],
)
def test_golden_prototype_sums(iterations, sums):
    got = sinkhorn(toy(), epsilon=0.05, iterations=iterations).sum(0)
    assert got.tolist() == pytest.approx(sums, abs=6e-5)


def test_golden_codes():
    codes = sinkhorn(toy(), epsilon=0.05, iterations=3)
    assert codes[0].tolist() == pytest.approx([0.0043967251, 0.7115528028, 0.2840504721], abs=1e-10)
    assert codes[1].tolist() == pytest.approx([2.9e-9, 0.0010801756, 0.9989198215], abs=1e-9)


def test_rows_are_one_and_the_error_of_the_columns_falls_to_nothing():
    errors = []
    for iterations in (1, 2, 3, 10, 30, 100):
        codes = sinkhorn(toy(), epsilon=0.05, iterations=iterations)
        torch.testing.assert_close(codes.sum(1), torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-12)
        errors.append(float((codes.sum(0) - 4 / 3).abs().max()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6


def test_equal_scores_give_uniform_codes_and_a_shift_changes_nothing():
    codes = sinkhorn(torch.full((5, 4), 0.7), epsilon=0.05, iterations=3)
    torch.testing.assert_close(codes, torch.full((5, 4), 0.25))
    s = cosines().double()
    shifted = sinkhorn(s + 0.3, epsilon=0.05, iterations=3)
    torch.testing.assert_close(shifted, sinkhorn(s, epsilon=0.05, iterations=3))


@pytest.mark.parametrize("epsilon", [0.01, 0.001])
def test_finite_where_exp_overflows(epsilon):
    codes = sinkhorn(cosines(), epsilon=epsilon, iterations=3)
    assert torch.isfinite(codes).all()
    torch.testing.assert_close(codes.sum(1), torch.ones(6))


def test_bfloat16_scores_are_worked_on_in_float32_and_codes_carry_no_gradient():
    s = cosines().bfloat16().requires_grad_()
    codes = sinkhorn(s, epsilon=0.05, iterations=3)
    assert codes.dtype == torch.float32
    assert not codes.requires_grad
    torch.testing.assert_close(codes, sinkhorn(s.detach().float(), epsilon=0.05, iterations=3))


@pytest.mark.parametrize(
    ("scores", "epsilon", "iterations"),
    [((4,), 0.05, 3), ((0, 4), 0.05, 3), ((4, 3), 0.0, 3), ((4, 3), 0.05, 0)],
)
def test_what_cannot_be_balanced_is_refused(scores, epsilon, iterations):
    with pytest.raises(UserError, match="sinkhorn needs scores"):
        sinkhorn(torch.zeros(scores), epsilon=epsilon, iterations=iterations)


def trace(rank, world):
    """Codes of this rank's rows, of which the first one has more than the second."""
    rows = slice(0, 4) if rank == 0 else slice(4, 6)
    settings = ((0.05, 3), (0.5, 10), (0.01, 50))
    return [sinkhorn(cosines().double()[rows], epsilon=e, iterations=n) for e, n in settings]


@pytest.mark.slow
def test_two_ranks_find_the_codes_of_one(tmp_path):
    first, second = two_processes(__file__, tmp_path)
    whole = [
        sinkhorn(cosines().double(), epsilon=e, iterations=n) for e, n in ((0.05, 3), (0.5, 10), (0.01, 50))
    ]
    for a, b, one in zip(first, second, whole, strict=True):
        torch.testing.assert_close(torch.cat([a, b]), one, rtol=0, atol=1e-12)


if __name__ == "__main__":
    be_a_rank(trace)
