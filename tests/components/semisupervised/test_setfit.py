import pytest
import torch

from components.objectives.base import Batch
from components.semisupervised.parts.loss import LossConfig
from components.semisupervised.setfit import SetfitConfig, pair_loss
from tests.components.semisupervised.by_hand import K, Pixels, batch, logits, made


def slowly(features, targets, weights, rows):
    """Pair by pair, each once."""
    total = {0: [0.0, 0.0], 1: [0.0, 0.0]}
    for i in range(len(features)):
        for j in range(i):
            if rows[i] == rows[j]:
                continue
            cosine = float(features[i] @ features[j] / features[i].norm() / features[j].norm())
            alike, weight = float(targets[i] @ targets[j]), float(weights[i] * weights[j])
            for kind, share in ((1, alike), (0, 1 - alike)):
                total[kind][0] += weight * share * (cosine - kind) ** 2
                total[kind][1] += weight * share
    return sum(error / count for error, count in total.values() if count) / 2


def test_pairs_by_hand():
    near = torch.tensor([[1.0, 0.0], [1.2, 1.6]])  # cosine .6
    for labels, expected in (([0, 0], 0.08), ([0, 1], 0.18)):
        y = torch.eye(2)[labels]
        found = pair_loss(near, y, torch.ones(2), torch.arange(2))
        assert float(found) == pytest.approx(expected, abs=1e-6)
    equal = torch.ones(4, 3)
    y = torch.eye(2)[[0, 0, 1, 1]]
    assert float(pair_loss(equal, y, torch.ones(4), torch.arange(4))) == pytest.approx(0.5)


def test_pairs_against_a_loop():
    g = torch.Generator().manual_seed(0)
    features, weights = torch.randn(9, 4, generator=g), torch.rand(9, generator=g)
    hard = torch.eye(3)[torch.arange(9) % 3]
    soft = torch.rand(9, 3, generator=g).softmax(1)
    for targets in (hard, soft):
        for rows in (torch.arange(9), torch.tensor([0, 1, 2, 3, 3, 5, 0, 7, 8])):
            found = float(pair_loss(features, targets, weights, rows))
            assert found == pytest.approx(slowly(features, targets, weights, rows), abs=1e-6)


def test_no_pair_costs_nothing_and_stays_finite():
    one = torch.randn(1, 3, requires_grad=True)
    loss = pair_loss(one, torch.eye(2)[[0]], torch.ones(1), torch.arange(1))
    loss.backward()
    assert loss.item() == 0
    assert one.grad.isfinite().all()
    views_of_one_row = pair_loss(torch.randn(3, 3), torch.eye(2)[[0, 0, 0]], torch.ones(3), torch.zeros(3))
    assert views_of_one_row.item() == 0


def test_the_loss_by_hand():
    (own,) = logits(4)
    method = made(SetfitConfig(pairs=3.0))
    losses = method(Pixels(), batch([own], 4, [0, 1, 1, 2], [1, 1, 0.5, 1]))
    weights = torch.tensor([1, 1, 0.5, 1])
    supervised = -(weights * own.log_softmax(1)[torch.arange(4), [0, 1, 1, 2]]).sum() / 4
    pairs = slowly(own, torch.eye(K)[[0, 1, 1, 2]], weights, range(4))
    torch.testing.assert_close(losses.parts["supervised"], supervised)
    assert float(losses.parts["pairs"]) == pytest.approx(pairs, abs=1e-6)
    assert float(losses.total.detach()) == pytest.approx(float(supervised) + 3 * pairs, abs=1e-5)


@pytest.mark.parametrize("progress", [0.5, 0.9])
def test_the_encoder_learns_from_pairs_alone_and_the_head_from_labels_alone(progress):
    (own,) = logits(5)
    method, encoder = made(SetfitConfig(until=0.8, pairs=2.0, loss=LossConfig(smoothing=0.1))), Pixels()
    bend = torch.nn.Parameter(torch.tensor([1.0, 2.0, 0.5]))
    method.after_step(encoder, progress)
    given = batch([own], 5, [0, 1, 1, 2, 0])

    def bent(x):
        return x.flatten(1) * bend

    method(bent, given).total.backward()
    expected = torch.tensor([1.0, 2.0, 0.5], requires_grad=True)
    y = torch.eye(K)[[0, 1, 1, 2, 0]]
    (2 * pair_loss(own * expected, y, torch.ones(5), torch.arange(5))).backward()
    torch.testing.assert_close(bend.grad, expected.grad if progress < 0.8 else torch.zeros(3))
    with torch.no_grad():
        p = (own * bend).softmax(1) - (0.9 * y + 0.1 / K)
    torch.testing.assert_close(method.head.weight.grad, p.T @ (own * bend.detach()) / 5)


def test_it_looks_at_no_unlabelled_row():
    (own,) = logits(6)
    method, other = made(SetfitConfig()), own.clone()
    other[3:] = 0
    one, two = (method(Pixels(), batch([x], 3, [0, 1, 0, -1, 2, 1])).total for x in (own, other))
    torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert not method.uses_unlabelled
    whole = batch([own[:3]], 3, [0, 1, 0])
    torch.testing.assert_close(method(Pixels(), Batch(*vars(whole).values())).total, one, rtol=0, atol=0)
