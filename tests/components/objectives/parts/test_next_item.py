"""Windows of histories, and the loss over all items and over some."""

import math

import pytest
import torch
import torch.nn.functional as F

from components.objectives.parts.next_item import item_loss, known, windows

VIEW = torch.tensor([[3, 4, 5, 6, 7, 8, 9, 0], [5, 6, 0, 0, 0, 0, 0, 0], [0] * 8])


def test_windows_by_hand():
    seen, after, of = windows(VIEW, 3, torch.tensor([0.7, 0.7, 0.7]))
    assert seen.tolist() == [[3, 4, 0], [5, 6, 7], [8, 9, 0], [5, 6, 0]]
    assert after.tolist() == [[4, 5, 0], [6, 7, 8], [9, 0, 0], [6, 0, 0]]
    assert of.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("size", [2, 3, 5, 8, 11])
@pytest.mark.parametrize("shift", [0.0, 0.34, 0.999])
def test_every_event_is_in_one_window_with_what_follows_it(size, shift):
    seen, after, of = windows(VIEW, size, torch.full((3,), shift))
    for row, count in ((0, 7), (1, 2)):
        own = of == row
        assert seen[own][seen[own] > 0].tolist() == VIEW[row, :count].tolist()
        pairs = list(zip(seen[own].flatten().tolist(), after[own].flatten().tolist(), strict=True))
        assert [(a, b) for a, b in pairs if a and b] == list(
            zip(VIEW[row, : count - 1].tolist(), VIEW[row, 1:count].tolist(), strict=True)
        )


def test_a_history_that_fits_is_one_window():
    seen, _, of = windows(VIEW, 8, torch.full((3,), 0.2))
    assert seen.tolist() == VIEW[:2].tolist()
    assert of.tolist() == [0, 1]


def test_of_nothing_one_empty_window_is_left():
    seen, after, of = windows(torch.zeros(2, 4, dtype=torch.int64), 3, torch.zeros(2))
    assert seen.tolist() == after.tolist() == [[0, 0, 0]]
    assert len(of) == 1


def test_the_loss_over_all_items():
    random = torch.Generator().manual_seed(0)
    hidden, items = torch.randn(5, 4, generator=random), torch.randn(7, 4, generator=random)
    targets = torch.tensor([0, 6, 3, 3, 1])
    slow = torch.stack(
        [-math.log(math.exp(h @ items[t]) / sum(math.exp(h @ e) for e in items)) * torch.ones(())
         for h, t in zip(hidden, targets, strict=True)]
    ).mean()  # fmt: skip
    torch.testing.assert_close(item_loss(hidden, targets, items), slow)
    assert item_loss(torch.zeros(5, 4), targets, items).item() == pytest.approx(math.log(7))


def test_each_other_item_once_is_all_of_them():
    random = torch.Generator().manual_seed(0)
    hidden, items = torch.randn(3, 4, generator=random), torch.randn(7, 4, generator=random)
    targets = torch.tensor([2, 2, 5])
    whole = F.cross_entropy(hidden @ items.T, targets)
    torch.testing.assert_close(item_loss(hidden, targets, items, torch.arange(7)), whole)
    torch.testing.assert_close(item_loss(hidden, targets, items, torch.arange(7).repeat(3)), whole)


def test_some_items_stand_for_the_others():
    """By hand: products 1 (target), 0 and 0; one of the two others is drawn, and counts twice."""
    hidden, items = torch.tensor([[1.0]]), torch.tensor([[1.0], [0.0], [0.0]])
    wanted = math.log(math.e + 2) - 1
    assert item_loss(hidden, torch.tensor([0]), items, torch.tensor([1])).item() == pytest.approx(wanted)
    assert item_loss(hidden, torch.tensor([0]), items, torch.tensor([1, 0])).item() == pytest.approx(wanted)


def test_nothing_to_predict_is_no_loss():
    none = item_loss(
        torch.zeros(0, 4, requires_grad=True), torch.zeros(0, dtype=torch.int64), torch.ones(7, 4)
    )
    assert none.item() == 0


def test_numbers_below_three_are_no_items():
    assert known(torch.tensor([0, 1, 2, 3, 9])).tolist() == [False, False, False, True, True]
