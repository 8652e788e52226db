"""Outliers: the shrunk covariance beside scikit-learn's, distances by hand, and the promised rate of false alarms."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.neighbors import NearestNeighbors

from components.evaluation.classification.outliers import fit_mahalanobis, fit_neighbours, limit, shrunk


@pytest.mark.parametrize(("rows", "columns"), [(12, 20), (200, 5)])
def test_the_covariance_is_scikit_learns(rows, columns):
    rng = np.random.default_rng(rows)
    x = rng.standard_normal((rows, columns)) @ rng.standard_normal((columns, columns))
    found, share = shrunk(x)
    peer, shrinkage = ledoit_wolf(x, assume_centered=True)
    np.testing.assert_allclose(found, peer, atol=1e-10)
    assert share == pytest.approx(shrinkage)
    assert 0 < share < 1


def test_the_distance_is_the_one_of_the_formula_to_the_nearest_mean():
    rng = np.random.default_rng(0)
    group = np.arange(60) % 3
    x = rng.standard_normal((60, 4)) * [1, 2, 3, 4] + 10 * np.eye(4)[group]
    means = np.stack([x[group == g].mean(axis=0) for g in range(3)])
    inverse = np.linalg.inv(ledoit_wolf(x - means[group], assume_centered=True)[0])
    query = rng.standard_normal((7, 4)) * 10
    slow = [min(np.sqrt((q - m) @ inverse @ (q - m)) for m in means) for q in query]
    np.testing.assert_allclose(fit_mahalanobis(x, group).scores(query), slow, rtol=1e-8)


def test_units_do_not_matter_to_one_group():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4000, 3))
    found = fit_mahalanobis(x, np.zeros(4000)).scores(np.array([[3.0, 0, 0], [0, 0, 0]]))
    np.testing.assert_allclose(found, [3, 0], atol=0.15)


def test_neighbours_are_scikit_learns_on_the_unit_sphere():
    rng = np.random.default_rng(2)
    bank, query = rng.standard_normal((50, 6)), rng.standard_normal((9, 6))
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (bank, query)]
    far, _ = NearestNeighbors(n_neighbors=5).fit(unit[0]).kneighbors(unit[1])
    np.testing.assert_allclose(fit_neighbours(bank, k=5).scores(3 * query), far[:, -1], atol=1e-7)


def test_false_alarms_are_as_rare_as_asked_for_and_strangers_are_seen():
    """Mean rate over draws of 200 held-out samples: at most .05, at least .05 - 1 / 201."""
    rates, seen = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((1000, 8)) + 6 * np.eye(8)[np.arange(1000) % 4]
        found = fit_mahalanobis(x[:300], np.arange(300) % 4)
        level = limit(found.scores(x[300:500]), 0.05)
        rates.append((found.scores(x[500:]) > level).mean())
        seen.append((found.scores(-6 + rng.standard_normal((50, 8))) > level).mean())
    assert np.mean(rates) == pytest.approx(0.0475, abs=3 * np.std(rates) / np.sqrt(60) + 0.0025)
    assert min(seen) > 0.95


def test_too_few_held_out_say_nothing():
    assert limit(np.arange(1.0, 20.0)) == 19
    assert limit(np.arange(18.0)) == np.inf


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match="their groups needed"):
        fit_mahalanobis(np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(ValueError, match="vary inside a group"):
        fit_mahalanobis(np.ones((3, 2)), np.zeros(3))
