import copy
import math
from collections import Counter

import pytest
import torch
from torch import nn

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.deepcluster import Deepcluster, DeepclusterConfig, reduce, uniform_rows
from tests.ranks import be_a_rank, two_processes


class Flat(nn.Module):
    def __init__(self, feature_dim=4):
        super().__init__()
        self.feature_dim = feature_dim

    def forward(self, x):
        return x.flatten(1)


def blobs(per=10, shift=0.0):
    generator = torch.Generator().manual_seed(0)
    centres = torch.eye(4) * 5 + shift
    return centres.repeat_interleave(per, 0) + 0.1 * torch.randn(4 * per, 4, generator=generator)


def make(rows=40, **kwargs):
    settings = {"clusters": 4, "components": 0, **kwargs}
    return Deepcluster(DeepclusterConfig(**{"hidden": 0, **settings}), Flat(4), rows=rows)


def batch(points, index):
    return Batch([points[index].reshape(-1, 1, 2, 2)], index)


def test_whitened_features_have_unit_covariance_before_the_length():
    x = torch.randn(500, 6, generator=torch.Generator().manual_seed(1)) * torch.tensor([9.0, 5, 3, 2, 1, 0.5])
    z = reduce(x, 3, whiten=True)
    assert z.shape == (500, 3)
    torch.testing.assert_close(z.norm(dim=1), torch.ones(500))
    # by singular values: the same up to the sign of each component
    u, _, _ = torch.linalg.svd((x - x.mean(0)).double(), full_matrices=False)
    peer = nn.functional.normalize(u[:, :3], dim=1).float()
    torch.testing.assert_close(z.abs(), peer.abs(), atol=1e-4, rtol=1e-3)


def test_without_whitening_lengths_are_kept_between_components():
    x = torch.randn(300, 4, generator=torch.Generator().manual_seed(2)) * torch.tensor([9.0, 3, 1, 0.1])
    u, s, _ = torch.linalg.svd((x - x.mean(0)).double(), full_matrices=False)
    peer = nn.functional.normalize((u * s)[:, :2], dim=1).float()
    torch.testing.assert_close(reduce(x, 2, whiten=False).abs(), peer.abs(), atol=1e-4, rtol=1e-3)


def test_dead_components_are_not_blown_up():
    x = torch.randn(100, 2).repeat(1, 3)
    z = reduce(x, 6, whiten=True)
    assert torch.isfinite(z).all()
    assert (z.abs().sum(0) > 1e-3).sum() == 2


def test_uniform_rows_counts():
    assignment = torch.tensor([0] * 30 + [2] * 5 + [3])  # cluster 1 is not in use: 36 // 3 + 1 = 13 draws
    rows = uniform_rows(assignment, torch.Generator().manual_seed(0))
    assert Counter(assignment[rows].tolist()) == {0: 13, 2: 13, 3: 13}
    assert max(Counter(rows[assignment[rows] == 0].tolist()).values()) == 1  # large: none twice
    assert set(rows[assignment[rows] == 3].tolist()) == {35}


def test_uniform_rows_of_the_docstring():
    rows = uniform_rows(torch.tensor([0, 0, 0, 1]), torch.Generator().manual_seed(0))
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 3, 3]


def test_clusters_the_features_and_predicts_them():
    points, objective = blobs(), make()
    objective.before_epoch(0, lambda: points)
    truth = torch.arange(4).repeat_interleave(10)
    assert len(set(zip(objective.assignment.tolist(), truth.tolist(), strict=True))) == 4
    index = torch.tensor([3, 17, 35, 12])
    loss = objective(Flat(), batch(points, index))
    scores = (points[index] @ objective.top.weight.T + objective.top.bias).detach()
    slow = sum(
        -math.log(math.exp(float(s[t])) / sum(math.exp(float(v)) for v in s))
        for s, t in zip(scores, objective.assignment[index], strict=True)
    )
    assert loss.total.item() == pytest.approx(slow / 4, rel=1e-5)
    assert loss.parts["loss"].item() == loss.total.item()
    assert not loss.parts["loss"].requires_grad


def test_equal_scores_cost_log_k_and_views_are_averaged():
    points, objective = blobs(), make(views=2)
    objective.before_epoch(0, lambda: points)
    index = torch.arange(4)
    a, b = batch(points, index).views[0], batch(points.flip(1), index).views[0]
    both = objective(Flat(), Batch([a, b], index)).total
    each = [objective(Flat(), Batch([v], index)).total for v in (a, b)]
    assert both.item() == pytest.approx(sum(e.item() for e in each) / 2)
    nn.init.zeros_(objective.top.weight)
    assert objective(Flat(), batch(points, index)).total.item() == pytest.approx(math.log(4))


@pytest.mark.parametrize("hidden", [0, 8])
def test_gradient_reaches_encoder_and_head_as_softmax_minus_target(hidden):
    points, objective = blobs(), make(hidden=hidden)
    objective.before_epoch(0, lambda: points)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    index = torch.tensor([0, 11, 22, 33])
    objective(encoder, batch(points, index)).total.backward()
    for name, p in [*encoder.named_parameters(), *objective.named_parameters()]:
        assert p.grad is not None, name
        assert p.grad.abs().sum() > 0, name
    if not hidden:
        features = encoder(batch(points, index).views[0]).detach()
        p = (features @ objective.top.weight.T).softmax(1)
        right = (p - nn.functional.one_hot(objective.assignment[index], 4)).T @ features / 4
        torch.testing.assert_close(objective.top.weight.grad, right)


def test_fresh_head_is_new_and_says_so():
    objective = make()
    objective.before_epoch(0, blobs)
    assert [id(p) for p in objective.fresh_parameters] == [id(p) for p in objective.top.parameters()]
    nn.init.ones_(objective.top.weight)
    nn.init.ones_(objective.top.bias)
    objective.before_epoch(1, blobs)
    assert not objective.top.bias.any()
    assert 0.002 < objective.top.weight.std() < 0.03


def test_fresh_weights_are_of_deviation_one_hundredth():
    objective = Deepcluster(DeepclusterConfig(clusters=100), Flat(200), rows=100)
    assert objective.top.weight.std().item() == pytest.approx(0.01, rel=0.03)
    assert objective.top.weight.mean().item() == pytest.approx(0, abs=3e-4)


def test_matched_head_is_kept_and_ids_stay():
    objective = make(head="matched")
    objective.before_epoch(0, blobs)
    assert objective.fresh_parameters  # the first clusters match nothing
    weight, before = objective.top.weight.clone(), objective.assignment.clone()
    for epoch in range(1, 5):  # another seed each: k-means alone would number them otherwise
        objective.before_epoch(epoch, blobs)
        assert not objective.fresh_parameters
        assert torch.equal(objective.assignment, before)
    assert torch.equal(objective.top.weight, weight)
    assert objective.figures()["nmi"] == pytest.approx(1)


def test_ids_follow_the_samples_also_where_one_moves():
    objective = make(head="matched")
    objective.before_epoch(0, blobs)
    before, moved = objective.assignment.clone(), blobs()
    moved[0] = moved[39]
    objective.before_epoch(1, lambda: moved)
    assert (objective.assignment != before).nonzero().flatten().tolist() == [0]


def test_figures_by_hand():
    objective = make()
    assert objective.figures() == {}
    assert objective.epoch_rows(torch.arange(40), 0, 0) is None
    objective.before_epoch(0, blobs)
    assert objective.figures() == {"empties": 0.0, "imbalance": 1.0}
    swapped = blobs()
    swapped[10:20] = swapped[:10]  # two of four blobs are one now, and are split
    objective.before_epoch(1, lambda: swapped)
    assert 0.4 < objective.figures()["nmi"] < 1
    objective.assignment.copy_(torch.tensor([0] * 20 + [1] * 20))
    assert objective.figures()["imbalance"] == 4 * (20**2 + 20**2) / 40**2


def test_reassign_every_other_epoch():
    objective, calls = make(reassign=2), []

    def features():
        calls.append(1)
        return blobs()

    for epoch in range(4):
        objective.before_epoch(epoch, features)
        assert bool(objective.fresh_parameters) == (epoch % 2 == 0)
    assert len(calls) == 2


def test_epoch_rows_are_a_function_of_seed_and_epoch():
    objective, rows = make(), torch.arange(40)
    objective.before_epoch(0, blobs)
    assert torch.equal(objective.epoch_rows(rows, 0, 3), objective.epoch_rows(rows, 0, 3))
    assert not torch.equal(objective.epoch_rows(rows, 0, 3), objective.epoch_rows(rows, 0, 4))
    assert not torch.equal(objective.epoch_rows(rows, 0, 3), objective.epoch_rows(rows, 1, 3))
    assert len(objective.epoch_rows(rows, 0, 3)) == 4 * 11
    even = make(uniform=False)
    even.before_epoch(0, blobs)
    assert even.epoch_rows(rows, 0, 0) is None


def test_of_some_rows_clusters_are_drawn_evenly_among_these():
    objective = make()
    objective.before_epoch(0, blobs)
    rows = torch.tensor([0, 1, 2, 3, 4, 5, 10, 20])  # of three of the four blobs of ten
    chosen = objective.epoch_rows(rows, 0, 0)
    assert set(chosen.tolist()) <= set(rows.tolist())
    assert torch.bincount(chosen // 10).tolist() == [3, 3, 3]


@pytest.mark.parametrize("head", ["fresh", "matched"])
def test_resumed_is_bit_equal_to_never_stopped(head):
    generator = torch.Generator().manual_seed(3)
    epochs = [torch.randn(40, 4, generator=generator) for _ in range(3)]
    whole = make(head=head, components=3)
    for epoch in range(2):
        whole.before_epoch(epoch, lambda e=epoch: epochs[e])
    state = copy.deepcopy(whole.state_dict())
    resumed = make(head=head, components=3)
    resumed.load_state_dict(state, strict=True)
    assert resumed.figures() == whole.figures()
    for objective in (whole, resumed):
        objective.before_epoch(2, lambda: epochs[2])
    assert all(
        torch.equal(a, b)
        for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )
    assert whole.figures() == resumed.figures()


def test_refuses_in_one_line():
    with pytest.raises(UserError, match="clusters <= samples"):
        make(rows=3)
    with pytest.raises(UserError, match=r"\[40, D\]"):
        make().before_epoch(0, lambda: torch.randn(39, 4))
    with pytest.raises(UserError, match="finite features"):
        make().before_epoch(0, lambda: torch.full((40, 4), torch.nan))
    with pytest.raises(UserError, match="distinct"):
        make().before_epoch(0, lambda: torch.ones(40, 4))


def trace(rank, world):
    """(clusters, sum of the last layer, what was said of bad features)."""
    objective = make()
    points = blobs() if rank == 0 else blobs().flip(0)  # if each clustered its own they would differ
    objective.before_epoch(0, lambda: points)
    found = objective.assignment.tolist(), objective.top.weight.sum().item()
    with pytest.raises(UserError) as error:
        objective.before_epoch(1, lambda: torch.full((40, 4), torch.nan))
    return *found, str(error.value)


@pytest.mark.slow
def test_two_ranks_agree_and_fail_together(tmp_path):
    (*first, said), (*second, said_too) = two_processes(__file__, tmp_path)
    assert first == second
    assert "finite" in said
    assert "first rank" in said_too


if __name__ == "__main__":
    be_a_rank(trace)
