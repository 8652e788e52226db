"""Ranks and normal scores: by hand, against a slow loop and scikit-learn."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer

from components.modalities.table.scores import (
    EDGE,
    _normal_by_fractions,
    at_rank,
    normal_scores,
    ranks,
    standardised,
)

GRID = torch.tensor([[0.0, 1.0, 1.0, 3.0]])


@pytest.mark.parametrize(
    ("x", "rank"), [(-5, 0), (0, 0), (0.5, 1 / 6), (1, 0.5), (2, 5 / 6), (3, 1), (9, 1), (np.nan, np.nan)]
)
def test_ranks_by_hand(x, rank):
    found = ranks(torch.tensor([[x]], dtype=torch.float32), GRID)
    assert found.item() == pytest.approx(rank, nan_ok=True)


def test_ranks_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    data = np.stack([random.normal(size=500), random.integers(0, 5, 500), random.exponential(size=500)], 1)
    peer = QuantileTransformer(n_quantiles=101, subsample=None).fit(data)
    grid = torch.tensor(np.quantile(data, np.linspace(0, 1, 101), axis=0).T.copy())
    new = np.concatenate([data[:50], random.normal(size=(50, 3)) * 3])
    found, wanted = ranks(torch.tensor(new), grid).numpy(), peer.transform(new)
    ends = np.isin(
        new, [0, 4]
    )  # where many values are the smallest, scikit-learn gives rank 0, not the middle
    np.testing.assert_allclose(found[~ends], wanted[~ends], atol=1e-9)
    assert 0.05 < ranks(torch.zeros(1, 1, dtype=torch.float64), grid[1:2]).item() < 0.15


def test_quantiles_at_a_rank():
    p = torch.tensor([[0.0], [1 / 6], [0.5], [5 / 6], [1.0]])
    assert at_rank(p, GRID)[:, 0].tolist() == pytest.approx([0, 0.5, 1, 2, 3])


def test_a_rank_leads_back_to_its_number():
    grid = torch.sort(torch.randn(3, 101, generator=torch.Generator().manual_seed(0)), dim=1).values
    x = torch.rand(20, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    torch.testing.assert_close(at_rank(ranks(x, grid), grid), x, atol=1e-4, rtol=0)


def test_scores_are_normal_and_end():
    grid = torch.linspace(0, 1, 101)[None]
    x = torch.tensor([[0.5], [0.8413], [-7.0], [7.0]])
    end = norm.ppf(EDGE)
    assert normal_scores(x, grid)[:, 0].tolist() == pytest.approx([0, 1, end, -end], abs=1e-3)
    assert normal_scores(torch.tensor([[np.nan]]), grid).isnan().all()


def test_the_points_of_the_normal_distribution_by_fractions():
    p = torch.linspace(EDGE, 1 - EDGE, 9999, dtype=torch.float64)
    exact = torch.special.ndtri(p)
    assert ((_normal_by_fractions(p) - exact).abs() / exact.abs().clamp_min(1e-3)).max() < 1.2e-9


def test_a_constant_column_has_the_score_0():
    assert normal_scores(torch.tensor([[5.0]]), torch.full((1, 101), 5.0)).item() == 0


def test_no_columns():
    assert normal_scores(torch.zeros(4, 0), torch.zeros(0, 101)).shape == (4, 0)


def test_standardised_by_hand():
    """Of the quantiles 0, 1, 2, 3, 100 the inner ones have the mean 2 and the deviation sqrt(2 / 3)."""
    grid = torch.tensor([[0.0, 1, 2, 3, 100], [7, 7, 7, 7, 7]])
    found = standardised(torch.tensor([[2.0, 7], [3, 8], [100, 6], [-9, np.nan]]), grid)
    one = np.sqrt(1.5)
    wanted = torch.tensor([[0, 0], [one, 0], [one, 0], [-one, np.nan]], dtype=torch.float32)
    torch.testing.assert_close(found, wanted, equal_nan=True)


def test_large_numbers_of_small_spread_keep_it():
    values = 1e6 + torch.arange(101.0)
    found = standardised(values[:, None], values[None])
    assert found[50, 0] == 0
    assert found[:, 0].std(correction=0) == pytest.approx(1, abs=0.02)
