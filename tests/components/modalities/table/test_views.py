"""Views of rows: how many cells change, by what, and from whose chance."""

import numpy as np
import pytest
import torch

from components.modalities.table.config import TableConfig, placeholder
from components.modalities.table.views import TableView, TableViews, chosen
from tests.components.modalities.table.toys import column, mixed, pack

NONE = TableView(corrupt=0)


@pytest.fixture(scope="module")
def made():
    rows, packing, _ = pack(mixed(400))
    return torch.from_numpy(rows), TableViews(packing), packing


def augment(made, seed=0, **how):
    view, views, _ = made
    return views.augment(view, NONE.model_copy(update=how), torch.Generator().manual_seed(seed))


def differ(a, b):
    return (a != b) & ~(a.isnan() & b.isnan())


def test_exactly_so_many_cells_are_chosen():
    u = torch.rand(1000, 4, generator=torch.Generator().manual_seed(0))
    extra = torch.rand(1000, 1, generator=torch.Generator().manual_seed(1))
    assert (chosen(u, 0.5, extra).sum(1) == 2).all()
    count = chosen(u[:, :3], 0.5, extra).sum(1)
    assert set(count.tolist()) == {1, 2}
    assert abs(count.float().mean() - 1.5) < 0.05
    assert not chosen(u, 0.0, extra).any()
    assert chosen(u, 1.0, extra).all()


def test_without_options_nothing_changes(made):
    torch.testing.assert_close(augment(made), made[0], equal_nan=True)


def test_dropped_cells_are_missing_and_others_as_they_were(made):
    found = augment(made, drop=0.5)
    gone = found.isnan() & ~made[0].isnan()
    there = (~made[0].isnan()).float().mean()
    assert abs(gone.float().mean() - 0.5 * there) < 0.03
    assert not differ(found, made[0])[~gone].any()


def test_corrupted_cells_are_values_of_their_column(made):
    found = augment(made, corrupt=0.6)
    packing = made[2]
    changed = differ(found, made[0])
    size = column(packing, "size")
    assert (
        abs(changed[:, size].float().mean() - 0.6) < 0.08
    )  # a draw of a real number never is the value itself
    colour = column(packing, "colour")
    assert set(found[:, colour].tolist()) == set(made[0][:, colour].tolist())


def test_noise_moves_numbers_alone_by_their_scores(made):
    found, packing = augment(made, noise=0.1), made[2]
    size = column(packing, "size")
    moved = differ(found, made[0])
    assert moved[:, size].float().mean() > 0.95
    assert not moved[:, packing.categorical].any()
    assert torch.equal(found.isnan(), made[0].isnan())
    spread = (found[:, size] - made[0][:, size]).std() / made[0][:, size].std()
    assert 0.05 < spread < 0.15  # the column is normal: its scores are the values, standardised


def test_same_generator_same_view(made):
    how = {"corrupt": 0.5, "drop": 0.1, "noise": 0.1}
    torch.testing.assert_close(augment(made, **how), augment(made, **how), rtol=0, atol=0, equal_nan=True)
    assert differ(augment(made, **how), augment(made, seed=1, **how)).any()


def test_no_sample_depends_on_another(made):
    view, views, _ = made
    other = view.clone()
    other[1:] = other[1:].flip(0)
    how = TableView(corrupt=0.5, drop=0.1, noise=0.1)
    one, two = (views.augment(v, how, torch.Generator().manual_seed(0))[0] for v in (view, other))
    torch.testing.assert_close(one, two, rtol=0, atol=0, equal_nan=True)


def test_the_policy(made):
    views = made[1]
    assert views.usual in views.policies
    policy = views.policy(views.usual)
    assert policy.pretrain.corrupt == 0.6
    assert policy.weak.corrupt < policy.strong.corrupt
    assert views.baseline() == {"name": "rows"}


def test_open_and_collate(made, tmp_path):
    view, views, packing = made
    np.save(tmp_path / "rows.npy", view.numpy())
    packed = packing.open({"rows": tmp_path / "rows.npy"}, np.array([5, 2, 9]))
    gathered = packed.gather(torch.tensor([2, 0]))
    torch.testing.assert_close(views.clean(gathered), view[[9, 5]], equal_nan=True)
    torch.testing.assert_close(views.collate([packed.row(9), packed.row(5)]), gathered, equal_nan=True)


def test_roles(made):
    view, views, _ = made
    roles = views.roles(None, None)
    assert roles["global"] == TableView()
    plain = views.augment(view, roles["plain"], torch.Generator().manual_seed(0))
    torch.testing.assert_close(plain, view, rtol=0, atol=0, equal_nan=True)
    assert roles["local"].drop == 0.5
    own = TableView(corrupt=0.2)
    assert views.roles(own, own)["global"] == views.roles(own, own)["local"] == own
    assert views.roles("corrupt", None)["global"] == views.policy("corrupt").pretrain
    assert views.length(own) == view.shape[1]
    assert views.blank(3).shape == (3, view.shape[1])


def test_the_placeholder_has_views_too():
    packing = placeholder(TableConfig(target="y"))
    views = TableViews(packing)
    assert views.augment(views.blank(4), TableView(), torch.Generator().manual_seed(0)).shape == (4, 4)
    assert packing.config.target == "y"
