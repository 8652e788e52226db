import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.deepclusterv2 import Deepclusterv2, Deepclusterv2Config
from components.objectives.parts.clusters import UNKNOWN


class Flat(nn.Module):
    feature_dim = 4

    def forward(self, x):
        return x.flatten(1)


def blobs(per=10):
    generator = torch.Generator().manual_seed(0)
    return torch.eye(4).repeat_interleave(per, 0) * 5 + 0.1 * torch.randn(4 * per, 4, generator=generator)


def make(rows=40, **kwargs):
    """Its head is the identity: embeddings are the features at unit length."""
    settings = {"prototypes": 4, "embedding": 4, "heads": 2, **kwargs}
    objective = Deepclusterv2(Deepclusterv2Config(**settings), Flat(), rows)
    objective.head = nn.Identity()
    return objective


def batch(points, index, views=2):
    return Batch([points[index].reshape(-1, 1, 2, 2)] * views, index)


def test_defaults_are_the_published_ones():
    config = Deepclusterv2Config()
    assert (config.temperature, config.heads, config.iterations, config.embedding) == (0.1, 3, 10, 128)


def test_the_first_bank_is_the_features_through_the_head_and_its_clusters_are_found():
    objective, points = make(), blobs()
    assert objective.figures() == {}
    objective.before_epoch(0, lambda: points)
    for bank in objective.bank:
        torch.testing.assert_close(bank, F.normalize(points, dim=1))
    truth = torch.arange(4).repeat_interleave(10)
    for clusters, prototypes in zip(objective.clusters, objective.prototypes, strict=True):
        assert len(set(zip(clusters.tolist(), truth.tolist(), strict=True))) == 4
        means = torch.stack([objective.bank[0][clusters == k].mean(dim=0) for k in range(4)])
        torch.testing.assert_close(prototypes, F.normalize(means, dim=1), atol=1e-5, rtol=0)
    found = objective.figures()
    assert found.pop("prototype_perplexity") == pytest.approx(4)
    assert found == {"repaired": 0.0, "imbalance": 1.0}


def test_the_head_is_as_in_evaluation_for_the_first_bank_and_trains_on_afterwards():
    objective, points = make(), blobs()
    objective.head = nn.BatchNorm1d(4)
    objective.before_epoch(0, lambda: points)
    torch.testing.assert_close(objective.bank[0], F.normalize(points, dim=1), atol=1e-5, rtol=1e-4)
    assert objective.head.training
    assert not objective.head.running_mean.any()


def test_the_loss_equals_loops_over_heads_views_and_samples():
    objective, points = make(heads=3), blobs()
    objective.before_epoch(0, lambda: points)
    index = torch.tensor([3, 17, 35])
    other = blobs().flip(0)
    given = Batch([points[index].reshape(-1, 1, 2, 2), other[index].reshape(-1, 1, 2, 2)], index)
    costs = []
    for clusters, prototypes in zip(objective.clusters, objective.prototypes, strict=True):
        for view in (points, other):
            for i in index.tolist():
                z = view[i] / view[i].norm()
                e = [math.exp(float(z @ c) / 0.1) for c in prototypes]
                costs.append(-math.log(e[clusters[i]] / sum(e)))
    assert objective(Flat(), given).total.item() == pytest.approx(sum(costs) / 18, rel=1e-5)


def test_equal_prototypes_cost_log_k():
    objective = make()
    objective.before_epoch(0, blobs)
    objective.prototypes.copy_(torch.tensor([1.0, 0, 0, 0]).expand(2, 4, 4))
    loss = objective(Flat(), batch(blobs(), torch.arange(5))).total.item()
    assert loss == pytest.approx(math.log(4))
    assert objective.collapse_loss == math.log(4)


def test_small_views_share_the_cluster_and_reach_the_encoder_but_not_the_bank():
    objective = make(locals=1)
    objective.before_epoch(0, blobs)
    assert sum(count for _, count in objective.views) == 3
    encoder, index = nn.Sequential(nn.Flatten(), nn.Linear(4, 4)), torch.arange(3)
    leaves = [v.clone().requires_grad_() for v in batch(blobs(), index, 3).views]
    objective(encoder, Batch(leaves, index)).total.backward()
    assert all(leaf.grad.abs().sum() > 0 for leaf in leaves)
    assert objective._seen[1].shape == (3, 2, 4)


def test_a_step_puts_its_embeddings_into_the_bank_view_by_view_and_no_others():
    objective = make()
    objective.before_epoch(0, blobs)
    before, index = objective.bank.clone(), torch.tensor([30, 2])
    views = [torch.randn(2, 1, 2, 2, generator=torch.Generator().manual_seed(v)) for v in range(2)]
    loss = objective(Flat(), Batch([v.requires_grad_() for v in views], index)).total
    assert torch.equal(objective.bank, before)  # not before the step is done
    loss.backward()
    objective.after_step(Flat(), 0.1)
    for view in range(2):
        torch.testing.assert_close(
            objective.bank[view, index], F.normalize(views[view].flatten(1), dim=1).detach()
        )
    others = [i for i in range(40) if i not in (2, 30)]
    assert torch.equal(objective.bank[:, others], before[:, others])
    assert not objective.bank.requires_grad


def test_later_epochs_cluster_the_bank_and_heads_take_the_two_banks_in_turn():
    objective, points = make(heads=3), blobs()
    objective.before_epoch(0, lambda: points)
    moved = points.clone()
    moved[0] = points[39]
    objective.bank[1] = F.normalize(moved, dim=1)

    def not_asked():
        raise AssertionError("the features of the whole set are computed once")

    objective.before_epoch(1, not_asked)
    with_last = [bool(clusters[0] == clusters[39]) for clusters in objective.clusters]
    assert with_last == [False, True, False]


def test_heads_and_epochs_have_clusterings_of_their_own():
    points = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
    objective = make(rows=60, prototypes=6, iterations=1, heads=3)
    objective.before_epoch(0, lambda: points)
    first = objective.clusters.clone()
    assert not torch.equal(first[0], first[2])  # of one bank
    objective.before_epoch(1, lambda: points)
    assert not torch.equal(first, objective.clusters)


def test_the_encoder_and_the_head_learn_and_prototypes_do_not():
    objective = make()
    objective.head = nn.Linear(4, 4)
    objective.before_epoch(0, blobs)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    objective(encoder, batch(blobs(), torch.arange(0, 40, 9))).total.backward()
    for name, p in [*encoder.named_parameters(), *objective.named_parameters()]:
        assert p.grad.abs().sum() > 0, name
    assert "prototypes" not in dict(objective.named_parameters())


def test_before_the_first_clustering_nothing_is_learned():
    assert (make().clusters == UNKNOWN).all()
    assert make()(Flat(), batch(blobs(), torch.arange(3))).total.item() == 0


def test_refuses_in_one_line():
    with pytest.raises(UserError, match="prototypes <= samples, got 4 for 3"):
        make(rows=3)
    with pytest.raises(UserError, match=r"\[40, D\], got \[39, 4\]"):
        make().before_epoch(0, lambda: blobs()[1:])
    with pytest.raises(UserError, match="finite points"):
        make().before_epoch(0, lambda: torch.full((40, 4), torch.nan))
    with pytest.raises(UserError, match="2 views or more"):
        make()(Flat(), batch(blobs(), torch.arange(3), views=1))
