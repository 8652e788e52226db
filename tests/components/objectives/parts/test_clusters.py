import math

import pytest
import torch

from components.errors import UserError
from components.objectives.parts.clusters import (
    UNKNOWN,
    cluster_cross_entropy,
    imbalance,
    in_shares,
    on_first_rank,
    perplexity,
)
from tests.ranks import be_a_rank, two_processes

SCORES = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CLUSTERS = torch.tensor([[0, 2, UNKNOWN, 1, 1], [1, 0, 0, UNKNOWN, 2]])


def slow(scores, clusters, temperature):
    costs = []
    for head, own in zip(scores, clusters, strict=True):
        for row, cluster in zip(head, own.tolist(), strict=True):
            if cluster != UNKNOWN:
                e = [math.exp(float(s) / temperature) for s in row]
                costs.append(-math.log(e[cluster] / sum(e)))
    return sum(costs) / len(costs)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_cross_entropy_equals_loops_over_what_is_known(temperature):
    got = cluster_cross_entropy(SCORES, CLUSTERS, temperature=temperature)
    assert got.item() == pytest.approx(slow(SCORES, CLUSTERS, temperature), rel=1e-12)


def test_equal_scores_cost_log_k_and_nothing_known_costs_nothing():
    scores = torch.full((2, 5, 3), 0.7, requires_grad=True)
    assert cluster_cross_entropy(scores, CLUSTERS, temperature=0.1).item() == pytest.approx(math.log(3))
    loss = cluster_cross_entropy(scores, torch.full((2, 5), UNKNOWN), temperature=0.1)
    loss.backward()
    assert loss.item() == 0
    assert not scores.grad.any()


def test_the_gradient_is_that_of_finite_differences_and_spares_the_unknown():
    scores = SCORES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: cluster_cross_entropy(s, CLUSTERS, temperature=0.5), scores)
    cluster_cross_entropy(scores, CLUSTERS, temperature=0.5).backward()
    assert not scores.grad[CLUSTERS == UNKNOWN].any()
    assert (scores.grad[CLUSTERS != UNKNOWN].abs().sum(dim=1) > 0).all()


def test_perplexity_of_equal_clusters_and_of_one_that_has_all():
    assert perplexity(torch.tensor([0, 1, 2, 0, 1, 2]), 3) == pytest.approx(3)
    assert perplexity(torch.zeros(6, dtype=torch.int64), 3) == 1
    assert perplexity(torch.tensor([0, 0, 0, 1]), 2) == pytest.approx(4 / 3**0.75)


def test_imbalance_of_equal_clusters_and_of_one_that_has_all():
    assert imbalance(torch.tensor([0, 1, 2, 0, 1, 2]), 3) == 1
    assert imbalance(torch.zeros(6, dtype=torch.int64), 3) == 3
    assert imbalance(torch.tensor([0, 0, 0, 1]), 2) == 2 * (9 + 1) / 16


def trace(rank, world):
    """What two ranks find: of unequal shares of what is known, in stretches, on the first one alone."""
    own = slice(0, 2) if rank == 0 else slice(2, 4)
    scores = SCORES[:, own].clone().requires_grad_()
    loss = cluster_cross_entropy(scores, CLUSTERS[:, own], temperature=0.1)
    loss.backward()
    found = torch.full((2,), -1)
    on_first_rank(lambda: found.fill_(7 + rank), (found,))

    def fails():
        raise UserError("too-many-clusters", "too few")

    with pytest.raises(UserError) as error:
        on_first_rank(fails, (found,))
    stretch = in_shares(5, lambda rows: torch.arange(5)[rows, None] * 10 + rank)
    return loss.item(), scores.grad, found, stretch, str(error.value)


@pytest.mark.slow
def test_two_ranks_find_what_one_does_and_fail_together(tmp_path):
    first, second = two_processes(__file__, tmp_path)
    scores = SCORES[:, :4].clone().requires_grad_()
    whole = cluster_cross_entropy(scores, CLUSTERS[:, :4], temperature=0.1)
    whole.backward()
    assert (first[0] + second[0]) / 2 == pytest.approx(whole.item(), rel=1e-12)  # as gradients are averaged
    for _, _, found, stretch, _ in (first, second):
        assert found.tolist() == [7, 7]
        assert stretch.flatten().tolist() == [0, 10, 21, 31, 41]
    # DDP's average of the ranks' gradients is the whole batch's
    torch.testing.assert_close(torch.cat([first[1], second[1]], dim=1) / 2, scores.grad)
    assert first[4] == "too few"
    assert "first rank" in second[4]


if __name__ == "__main__":
    be_a_rank(trace)
