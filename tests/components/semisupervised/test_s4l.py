import math

import pytest
import torch
import torch.nn.functional as F

from components.semisupervised.s4l import S4l, S4lConfig, exemplar_loss, turned
from tests.components.semisupervised.cases import L, batch, encoder


def test_four_copies_quarter_by_quarter():
    x = torch.arange(8.0).reshape(2, 1, 2, 2)
    got = turned(x)
    assert got.shape == (8, 1, 2, 2)
    assert torch.equal(got[:2], x)
    assert got[2, 0].tolist() == [[1, 3], [0, 2]]
    assert torch.equal(got[4], x[0].flip(1, 2))
    assert torch.equal(turned(got[6:])[2:4], x)


def slow(a, b, index):
    views = [v / v.norm() for v in torch.cat([a, b]).double()]
    rows, total = index.tolist() * 2, 0.0
    for i, v in enumerate(views):
        own = [float((v - w).norm()) for j, w in enumerate(views) if rows[j] == rows[i]]
        others = [float((v - w).norm()) for j, w in enumerate(views) if rows[j] != rows[i]]
        total += math.log1p(math.exp(max(own) - min(others)))
    return total / len(views)


def test_the_triplets_equal_loops_and_a_row_that_comes_twice_is_no_negative():
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(5, 4, generator=g), torch.randn(5, 4, generator=g)
    for index in (torch.arange(5), torch.tensor([3, 1, 3, 2, 0])):
        assert exemplar_loss(a, b, index).item() == pytest.approx(slow(a, b, index), rel=1e-4)


def test_known_values():
    ones = torch.ones(4, 3)
    assert exemplar_loss(ones, ones, torch.arange(4)).item() == pytest.approx(math.log(2), rel=1e-5)
    assert exemplar_loss(ones[:1], -ones[:1], torch.arange(1)).item() == 0
    eye = torch.eye(3)
    assert exemplar_loss(eye, eye, torch.arange(3)).item() == pytest.approx(
        math.log1p(math.exp(1e-3 - math.sqrt(2))), rel=1e-5
    )


def test_the_whole_loss_by_hand():
    torch.manual_seed(0)
    m = S4l(S4lConfig(rotation=0.7, exemplar=0.3, pseudo_weight=0.0), encoder(), 3).eval()
    e, b = encoder().eval(), batch(m)
    losses = m(e, b)
    x, (first, second) = b.views[0], b.views[1:]
    rotation = (
        sum(F.cross_entropy(m.turn(e(x.rot90(k, (2, 3)))), torch.full((len(x),), k)) for k in range(4)) / 4
    )
    triplets = exemplar_loss(e(first), e(second), b.index[L:])
    each = F.cross_entropy(m.head(e(x))[:L], b.targets[:L], reduction="none")
    expected = (b.weights[:L] * each).mean() + 0.7 * rotation + 0.3 * triplets
    assert losses.total.item() == pytest.approx(expected.item(), rel=1e-5)
    assert (S4lConfig().rotation, S4lConfig().exemplar) == (1.0, 1.0)


def test_without_exemplar_no_strong_view_is_asked_for():
    m = S4l(S4lConfig(exemplar=0.0), encoder(), 3)
    assert m.strong == 0
    assert "exemplar" not in m(encoder(), batch(m)).parts
