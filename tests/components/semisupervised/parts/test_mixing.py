import pytest
import torch

from components.objectives.parts.sample_rng import Chance
from components.semisupervised.parts.cutmix import cut
from components.semisupervised.parts.mixing import MixConfig, mix_rows
from components.semisupervised.parts.mixup import TRIES, beta, mixed, partners


def test_mixup_by_hand():
    got = mixed(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 6.0]]), torch.tensor([0.75]))
    assert got.tolist() == [[1.5, 3.0]]


@pytest.mark.parametrize("a", [0.2, 0.75, 1.0])
def test_beta_draws_have_the_moments_and_the_tails_of_beta(a):
    g = torch.Generator().manual_seed(0)
    x = beta(torch.rand(20000, TRIES, 2, generator=g), a)
    assert x.mean().item() == pytest.approx(0.5, abs=0.01)
    assert x.var().item() == pytest.approx(1 / (4 * (2 * a + 1)), rel=0.04)
    reference = torch.distributions.Beta(a, a)
    torch.manual_seed(0)
    peer = reference.sample((20000,))
    for q in (0.1, 0.25, 0.75, 0.9):
        assert x.quantile(q).item() == pytest.approx(peer.quantile(q).item(), abs=0.02)


def test_partners_are_a_permutation_without_fixed_point_that_belongs_to_the_rows():
    numbers = torch.rand(9, generator=torch.Generator().manual_seed(1))
    other = partners(numbers)
    assert sorted(other.tolist()) == list(range(9))
    assert not (other == torch.arange(9)).any()
    turn = torch.randperm(9, generator=torch.Generator().manual_seed(2))
    assert torch.equal(numbers[turn][partners(numbers[turn])], numbers[other][turn])


def test_cut_pastes_a_box_and_counts_what_is_kept():
    own, other = torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 8, 8)
    share, x, y = torch.tensor([0.75, 0.75]), torch.tensor([0.5, 0.0]), torch.tensor([0.5, 0.0])
    got, kept = cut(own, other, share, x, y)
    expected = torch.zeros(8, 8)
    expected[2:6, 2:6] = 1  # side 8 * sqrt(.25) = 4 about the middle
    assert torch.equal(got[0, 0], expected)
    assert kept.tolist() == [0.75, 1 - 4 / 64]  # at the corner a quarter of the box is inside
    assert torch.equal(1 - got.mean((1, 2, 3)), kept)
    assert torch.equal(cut(own, other, torch.ones(2), x, y)[0], own)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_targets_are_shared_as_the_pixels_are(name):
    torch.manual_seed(0)
    chance = Chance()
    index = torch.arange(10, 16)
    values = torch.arange(6).float()
    view = values.reshape(-1, 1, 1, 1).expand(6, 1, 8, 8).clone()
    targets = torch.arange(6)
    weights = torch.ones(6)
    config = MixConfig(name=name, concentration=1.0)
    (got,), shares = mix_rows(config, chance, [view], index, targets, weights, 6)
    torch.testing.assert_close(got.mean((1, 2, 3)), shares @ values)  # class k has the value k
    torch.testing.assert_close(shares.sum(1), torch.ones(6))
    assert (shares.diagonal() < 1).any()
    chance.tick()
    assert not torch.equal(mix_rows(config, chance, [view], index, targets, weights, 6)[1], shares)


def test_a_row_without_a_target_brings_none():
    chance = Chance()
    view, index = torch.rand(3, 1, 4, 4), torch.arange(3)
    targets, weights = torch.tensor([0, -1, 1]), torch.tensor([1.0, 1.0, 0.5])
    _, shares = mix_rows(MixConfig(), chance, [view], index, targets, weights, 2)
    assert shares.sum().item() == pytest.approx(shares[:, 0].sum().item() + shares[:, 1].sum().item())
    assert (shares.sum(1) <= 1 + 1e-6).all()
    assert shares.sum().item() < 2.5
