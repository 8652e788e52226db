from dataclasses import replace

import numpy as np
import pytest
import torch

from components.data.packed import Packed
from components.errors import UserError
from components.modalities.image.augment import ViewConfig
from components.training.labelled_source import LabelledSource, Stream, Supervision, domains_of

N = 10
PLAIN = ViewConfig(size=8, scale=(1, 1), ratio=(1, 1), flip=0, jitter=0, grayscale=0)  # changes nothing


def source(**options):
    images = np.arange(N, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 8, 8), dtype=np.uint8)
    targets = torch.tensor([0, 1, 2, -1, -1, 1, -1, -1, -1, -1])
    weights = torch.tensor([1.0, 1.0, 1.0, 0, 0, 0.4, 0, 0, 0, 0])
    supervision = Supervision(targets, weights, torch.tensor([0, 1, 2]), torch.arange(N))
    given = {"labelled": 2, "unlabelled": 4, "steps": 5, "seed": 0, "device": torch.device("cpu")}
    return LabelledSource(
        Packed(images, np.arange(N)), supervision, (PLAIN, 1), (ViewConfig(size=6), 1), **{**given, **options}
    )


def test_a_stream_is_one_permutation_after_another_however_it_is_cut():
    rows = torch.arange(7) + 100
    whole = Stream(rows, 3).take(0, 21)
    for turn in whole.split(7):
        assert sorted(turn.tolist()) == rows.tolist()
    assert whole[:7].tolist() != whole[7:14].tolist()
    cut = Stream(rows, 3)
    assert torch.cat([cut.take(15, 21), cut.take(0, 9), cut.take(9, 15)]).tolist() == [
        *whole[15:].tolist(), *whole[:15].tolist()
    ]  # fmt: skip
    assert len(Stream(rows, 3).take(5, 30)) == 25


def test_layout_of_a_batch():
    made = source()
    made.begin(0, 0, None)
    batch = made.batch(0, torch.Generator().manual_seed(0))
    assert [tuple(v.shape) for v in batch.views] == [(6, 1, 8, 8), (4, 1, 6, 6)]
    assert batch.labelled == 2
    assert set(batch.index[:2].tolist()) <= {0, 1, 2}
    np.testing.assert_allclose(batch.views[0][:, 0, 0, 0], batch.index / 255)
    torch.testing.assert_close(batch.targets, made.supervision.targets[batch.index])
    torch.testing.assert_close(batch.weights, made.supervision.weights[batch.index])


def test_the_source_of_most_labels_is_one_domain_and_all_others_the_other():
    source = torch.tensor([2, 0, 1, 1, 0, 2, 1])
    assert domains_of(source, torch.tensor([0, 2, 3])).tolist() == [1, 1, 0, 0, 1, 1, 0]
    assert domains_of(source, torch.tensor([0, 5, 2])).tolist() == [0, 1, 1, 1, 1, 0, 1]
    assert domains_of(source, torch.tensor([2, 4])).tolist() == [1, 0, 1, 1, 0, 1, 1]  # of equals the first
    assert domains_of(torch.full((5,), 3), torch.tensor([0])) is None


def test_a_batch_tells_its_rows_domains():
    made = source()
    domains = torch.arange(N) % 2
    made.supervision = replace(made.supervision, domains=domains)
    made.begin(0, 0, None)
    batch = made.batch(0, torch.Generator().manual_seed(0))
    assert batch.domains.tolist() == domains[batch.index].tolist()
    assert source().supervision.domains is None


def test_strong_views_are_of_the_unlabelled_rows_in_their_order():
    made = source()
    made.strong = (PLAIN, 1)
    made.begin(0, 0, None)
    batch = made.batch(0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(batch.views[1], batch.views[0][2:])


def test_a_step_is_the_same_whatever_came_before_it():
    through, resumed = source(), source()
    for epoch in range(2):
        through.begin(epoch, 0, None)
        seen = [through.batch(step, torch.Generator().manual_seed(step)) for step in range(5)]
    resumed.begin(1, 3, None)
    again = resumed.batch(3, torch.Generator().manual_seed(3))
    assert torch.equal(again.index, seen[3].index)
    assert all(torch.equal(a, b) for a, b in zip(again.views, seen[3].views, strict=True))
    assert not torch.equal(seen[3].index, seen[4].index)


def test_epochs_go_on_where_the_one_before_ended():
    """Five steps of four unlabelled samples an epoch: two epochs are four whole permutations of the ten."""
    made, seen = source(), []
    for epoch in range(2):
        made.begin(epoch, 0, None)
        seen += [made.indices(step)[2:] for step in range(5)]
    turns = torch.cat(seen).split(N)
    assert [sorted(turn.tolist()) for turn in turns] == [list(range(N))] * 4
    assert len({tuple(turn.tolist()) for turn in turns}) == 4


def test_two_processes_share_a_batch_without_overlap(monkeypatch):
    whole = source()
    whole.begin(0, 0, None)
    together = whole.indices(1)
    monkeypatch.setattr("components.training.labelled_source.world", lambda: 2)
    parts = []
    for rank in range(2):
        monkeypatch.setattr("components.training.labelled_source.rank", lambda r=rank: r)
        mine = source()
        mine.begin(0, 0, None)
        parts.append(mine.indices(1))
    assert torch.cat([parts[0][:1], parts[1][:1], parts[0][1:], parts[1][1:]]).tolist() == together.tolist()


def test_labels_alone():
    images = np.zeros((N, 1, 8, 8), dtype=np.uint8)
    supervision = Supervision(
        torch.zeros(N, dtype=torch.long), torch.ones(N), torch.arange(3), torch.arange(N)
    )
    made = LabelledSource(
        Packed(images, np.arange(N)), supervision, (PLAIN, 1), (PLAIN, 0), labelled=4, unlabelled=0, steps=1,
        seed=0, device=torch.device("cpu")
    )  # fmt: skip
    made.begin(0, 0, None)
    batch = made.batch(0, torch.Generator())
    assert len(batch.views) == 1
    assert len(batch.index) == len(batch.targets) == 4


def test_refuses_no_labels_and_batches_that_cannot_be_shared(monkeypatch):
    empty = Supervision(torch.full((N,), -1), torch.zeros(N), torch.arange(0), torch.arange(N))
    with pytest.raises(UserError, match="label some"):
        LabelledSource(
            source().packed, empty, (PLAIN, 1), (PLAIN, 0), labelled=4, unlabelled=0, steps=1, seed=0,
            device=torch.device("cpu")
        )  # fmt: skip
    monkeypatch.setattr("components.training.labelled_source.world", lambda: 4)
    with pytest.raises(UserError, match="multiples"):
        source()
