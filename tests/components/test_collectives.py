"""Two gloo processes against one with the whole batch. Run as a script, this file is one of the two."""

import pytest
import torch
import torch.distributed as dist

from components.clustering.sinkhorn import sinkhorn
from components.collectives import all_reduce_sum, gather, rank, world
from components.encoders.norm import BatchNorm
from components.objectives.simclr import nt_xent
from tests.ranks import be_a_rank, two_processes

B, E = 6, 4


def whole():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(B, E, generator=generator, dtype=torch.float64)


def trace(part, parts):
    """Figures of this process's rows of the whole batch; gradients are those of what DDP descends."""
    found = {}

    def record(name, function):
        weight = (torch.eye(E, dtype=torch.float64) + 0.1).requires_grad_()
        value = function(whole().chunk(parts)[part] @ weight)
        value.backward()
        gradient = weight.grad.clone()
        if parts > 1:
            value = value.detach()
            for t in (gradient, value):
                dist.all_reduce(t)
                t /= parts
        found[name] = torch.cat([value.detach().reshape(1), gradient.flatten()])

    def over_the_batch(x):
        return (all_reduce_sum(x.sum(0)) / B).square().sum()

    def all_pairs(x):
        everything = gather(x)
        return (everything @ everything.T).tanh().sum()

    def own_rows_against_all(x):
        return (x @ gather(x).T).tanh().mean()

    def norm(x):
        layer = BatchNorm(E).double()
        return layer(x).pow(3).mean()

    record("all_reduce_sum", over_the_batch)
    record("gather", all_pairs)
    record("gather, own rows", own_rows_against_all)
    record("own rows", lambda x: x.square().mean())
    record("batch norm", norm)
    record("nt_xent", lambda x: nt_xent(x, x.flip(1), temperature=0.5))
    scores = torch.nn.functional.normalize(whole(), dim=1).chunk(parts)[part]
    found["sinkhorn"] = gather(sinkhorn(scores, epsilon=0.05, iterations=3))
    found["world"] = torch.tensor([world(), rank()])
    found["uneven"] = sinkhorn(whole()[:4] if part == 0 else whole()[4:], epsilon=0.5, iterations=3)
    return found


NAMES = ("all_reduce_sum", "gather", "gather, own rows", "own rows", "batch norm", "nt_xent", "sinkhorn")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return two_processes(__file__, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_give_the_value_and_gradient_of_one(name, ranks):
    expected = trace(0, 1)[name]
    for found in ranks:
        torch.testing.assert_close(found[name], expected, rtol=1e-9, atol=1e-12)


def test_ranks_are_numbered(ranks):
    assert [found["world"].tolist() for found in ranks] == [[2, 0], [2, 1]]


def test_sinkhorn_balances_unequal_parts_as_one(ranks):
    together = torch.cat([found["uneven"] for found in ranks])
    torch.testing.assert_close(together, sinkhorn(whole(), epsilon=0.5, iterations=3))


def test_alone_everything_is_the_identity():
    x = whole().requires_grad_()
    assert (world(), rank()) == (1, 0)
    assert all_reduce_sum(x) is gather(x) is x


if __name__ == "__main__":
    be_a_rank(trace)
