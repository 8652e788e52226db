import pytest
import torch

from components.semisupervised.temporal import TemporalConfig, ensembled, remember
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made


def test_published_defaults():
    assert (TemporalConfig().weight, TemporalConfig().rampup, TemporalConfig().momentum) == (30, 0.27, 0.6)


def test_the_running_mean_of_a_constant_is_right_at_once():
    bank, seen, z = torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64), torch.tensor([[0.8, 0.2]])
    for expected in ([0.32, 0.08], [0.512, 0.128], [0.6272, 0.1568]):
        remember(bank, seen, torch.tensor([1]), z, 0.6)
        torch.testing.assert_close(bank[1], torch.tensor(expected))
        torch.testing.assert_close(ensembled(bank, seen, 0.6)[1], z[0])
    assert seen.tolist() == [0, 3]
    assert bank[0].tolist() == [0, 0]


def test_a_row_that_comes_twice_counts_once_with_its_mean():
    bank, seen = torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)
    p = torch.tensor([[1.0, 0], [0.5, 0.5], [0, 1]])
    remember(bank, seen, torch.tensor([2, 0, 2]), p, 0.0)
    assert bank.tolist() == [[0.5, 0.5], [0, 0], [0.5, 0.5]]
    assert seen.tolist() == [1, 0, 1]


def test_rows_are_drawn_to_what_was_said_of_them_before():
    before, now = logits(5, 5)
    method = made(TemporalConfig(rampup=0.0))
    given = batch([before], 2, [0, 2, -1, -1, -1], index=[7, 3, 5, 1, 9])
    assert method(Pixels(), given).parts["consistency"].item() == 0  # nothing is known yet
    method.after_step(Pixels(), 0.1)
    leaf = now.clone().requires_grad_()
    losses = method(Pixels(), batch([leaf], 2, [0, 2, -1, -1, -1], index=[7, 3, 5, 1, 8]))
    square = (now.softmax(1) - before.softmax(1)).square()[:4].sum() / 15  # row 8 was never seen
    torch.testing.assert_close(losses.parts["consistency"], square)
    expected = losses.parts["supervised"] + 30 * square
    torch.testing.assert_close(losses.total.detach(), expected)
    losses.total.backward()
    assert leaf.grad[2].abs().sum() > 0
    assert leaf.grad[4].abs().sum() == 0


def test_evaluation_remembers_nothing_and_rows_are_needed():
    method = made(TemporalConfig()).eval()
    method(Pixels(), batch(logits(2), 1, [0, -1]))
    method.after_step(Pixels(), 0.5)
    assert method.seen.sum() == 0
    with pytest.raises(ValueError, match="number of samples"):
        made(TemporalConfig(), rows=0)
