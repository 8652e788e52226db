from itertools import chain

import pytest
import torch

from components.data.loader import Loader, order
from components.errors import UserError


def flat(parts):
    return list(chain.from_iterable(parts))


def batches(loader):
    return [b.tolist() for b in loader]


def test_order_is_a_permutation_pure_in_seed_and_epoch():
    torch.manual_seed(5)
    a = order(1000, 3, 7)
    torch.manual_seed(99)
    torch.rand(10)
    assert torch.equal(a, order(1000, 3, 7))
    assert torch.equal(a.sort().values, torch.arange(1000))
    assert not torch.equal(a, order(1000, 3, 8))
    assert not torch.equal(a, order(1000, 4, 7))
    assert not torch.equal(order(1000, 1, 12), order(1000, 11, 2))


def test_order_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    order(100, 0, 0)
    assert torch.equal(torch.rand(1), expected)


def test_golden_order():
    """The order is part of what 'same seed, same bytes' promises: it must not change unnoticed."""
    assert order(8, 0, 0).tolist() == [7, 1, 6, 0, 5, 3, 2, 4]


def test_an_epoch_visits_each_row_once_and_the_next_in_another_order():
    loader = Loader(10, 3, seed=0, drop_last=False)
    first, second = batches(loader), batches(loader)
    assert [len(b) for b in first] == [3, 3, 3, 1]
    assert sorted(flat(first)) == sorted(flat(second)) == list(range(10))
    assert first != second
    assert flat(first) == loader.epoch_order(0).tolist()
    assert flat(second) == loader.epoch_order(1).tolist()
    assert loader.position == (2, 0)


def test_drop_last_gives_full_batches_only():
    loader = Loader(10, 3, seed=0)
    assert loader.steps == 3
    assert [len(b) for b in loader] == [3, 3, 3]


@pytest.mark.parametrize("stop", [0, 1, 3, 6, 7, 11, 14])
def test_resume_anywhere_gives_the_same_batches(stop, tmp_path):
    """Seven steps an epoch: stopped at the start, in the middle, after the last one, in the second epoch."""
    whole = Loader(23, 3, seed=5)
    expected = [b for _ in range(3) for b in batches(whole)]
    broken, seen = Loader(23, 3, seed=5), []
    state = broken.state_dict()
    while len(seen) < stop:
        for batch in broken:
            seen.append(batch.tolist())
            state = broken.state_dict()
            if len(seen) == stop:
                break
    torch.save(state, tmp_path / "state.pt")
    resumed = Loader(23, 3, seed=5)
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    while resumed.epoch < 3:
        seen += batches(resumed)
    assert seen == expected


def test_rows_of_an_epoch_are_kept_on_resume_and_forgotten_by_the_next():
    rows = torch.tensor([2, 2, 2, 5, 7, 7, 9, 1])
    loader = Loader(10, 2, seed=1)
    loader.visit(rows)
    assert loader.steps == 4
    assert sorted(loader.epoch_order(0, rows).tolist()) == sorted(rows.tolist())
    seen = []
    for batch in loader:
        seen += batch.tolist()
        if len(seen) == 4:
            state = loader.state_dict()
            break
    again = Loader(10, 2, seed=1)
    again.load_state_dict(state)
    seen += flat(batches(again))
    assert seen == loader.epoch_order(0, rows).tolist()
    assert sorted(flat(batches(again))) == list(range(10))


def test_rows_cannot_change_in_the_middle():
    loader = Loader(10, 2, seed=1)
    next(iter(loader))
    with pytest.raises(AssertionError):
        loader.visit(torch.arange(4))


@pytest.mark.parametrize("world", [1, 2, 4])
@pytest.mark.parametrize("drop_last", [True, False])
def test_ranks_together_see_the_batches_of_one_process(world, drop_last):
    one = batches(Loader(30, 8, seed=2, drop_last=drop_last))
    ranks = [batches(Loader(30, 8, seed=2, drop_last=drop_last, rank=r, world=world)) for r in range(world)]
    together = [flat(parts) for parts in zip(*ranks, strict=True)]
    assert together == one
    if drop_last:
        assert {len(b) for rank in ranks for b in rank} == {8 // world}


def test_a_state_moves_between_numbers_of_processes():
    one = Loader(30, 8, seed=2)
    next(iter(one))
    two = [Loader(30, 8, seed=2, rank=r, world=2) for r in range(2)]
    for loader in two:
        loader.load_state_dict(one.state_dict())
    assert [flat(p) for p in zip(*map(batches, two), strict=True)] == batches(Loader(30, 8, seed=2))[1:]


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"rows": 0, "batch_size": 1}, "deliver data"),
        ({"rows": 10, "batch_size": 11}, "10 or less"),
        ({"rows": 10, "batch_size": 0}, "positive"),
        ({"rows": 10, "batch_size": 3, "world": 2}, "multiple of the number of processes 2"),
    ],
)
def test_mistakes_are_explained(given, word):
    with pytest.raises(UserError, match=word):
        Loader(seed=0, **given)


def test_a_state_of_another_run_is_refused():
    state = Loader(10, 2, seed=0).state_dict()
    with pytest.raises(UserError, match="seed 0 and this run has 1"):
        Loader(10, 2, seed=1).load_state_dict(state)
    with pytest.raises(UserError, match="rows"):
        Loader(12, 2, seed=0).load_state_dict(state)
