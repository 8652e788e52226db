"""Crop, mask and reorder, by hand."""

import pytest
import torch

from components.modalities.events.config import FIRST, MASK, EventsConfig, placeholder
from components.modalities.events.views import EventsView, EventsViews, cropped, reordered

MAKER = EventsViews(placeholder(EventsConfig(length=12)))
VIEW = torch.tensor([[3, 4, 5, 6, 7, 8, 9, 10, 0, 0], [5, 4, 3, 0, 0, 0, 0, 0, 0, 0]])


def made(seed=0, view=VIEW, **how):
    return MAKER.augment(view, EventsView(**how), torch.Generator().manual_seed(seed))


def test_a_crop():
    share, place = torch.tensor([[0.5], [0.5]]), torch.tensor([[0.4], [0.99]])
    assert cropped(VIEW, share, place).tolist() == [
        [5, 6, 7, 8, 0, 0, 0, 0, 0, 0],
        [4, 3, 0, 0, 0, 0, 0, 0, 0, 0],
    ]


def test_a_span_in_another_order():
    numbers = torch.arange(10).flip(0).expand(2, 10) / 10
    found = reordered(VIEW, 0.5, torch.tensor([[0.0], [0.99]]), numbers)
    assert found.tolist() == [[6, 5, 4, 3, 7, 8, 9, 10, 0, 0], [5, 4, 3, 0, 0, 0, 0, 0, 0, 0]]


def test_masking_hides_about_so_many_events_and_no_padding():
    many = torch.full((400, 10), FIRST)
    many[:, 8:] = 0
    found = made(view=many, mask=0.3)
    assert (found[:, 8:] == 0).all()
    assert (found == MASK).float().sum().item() / 3200 == pytest.approx(0.3, abs=0.03)


def test_one_of_three_is_done():
    many = torch.arange(FIRST, FIRST + 8).expand(300, 8)
    found = made(view=many, crop=(0.5, 0.5), mask=0.999, reorder=1.0, one_of=True)
    cut, hidden = (found == 0).any(dim=1), (found == MASK).any(dim=1)
    mixed = (found.sort(dim=1).values == many).all(dim=1)
    assert not (cut & hidden).any()
    assert (cut | hidden | mixed).all()
    for share in (cut, hidden, mixed):
        assert share.float().mean().item() == pytest.approx(1 / 3, abs=0.1)


def test_an_empty_history_stays_one():
    empty = torch.zeros(2, 4, dtype=torch.int64)
    for how in (MAKER.policy("history").strong, MAKER.policy("history").pretrain):
        assert (MAKER.augment(empty, how, torch.Generator().manual_seed(0)) == 0).all()


def test_bounds_of_a_crop():
    with pytest.raises(ValueError, match=r"crop must be \[smallest, largest\]"):
        EventsView(crop=(0.5, 0.2))
