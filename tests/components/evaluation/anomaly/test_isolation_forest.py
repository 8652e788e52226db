"""Isolation forest: the paper's figures, paths by a slow walk, and the ranking of scikit-learn's."""

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest as Peer
from sklearn.metrics import roc_auc_score

from components.errors import UserError
from components.evaluation.anomaly.isolation_forest import average_path, fit_isolation_forest


def data(count=500, seed=0):
    random = np.random.default_rng(seed)
    normal = random.normal(size=(count, 3)) * [1, 10, 0.1]
    odd = random.uniform(-6, 6, size=(count // 20, 3)) * [1, 10, 0.1]
    return np.concatenate([normal, odd]), np.repeat([False, True], [count, count // 20])


def test_average_path():
    assert [average_path(n) for n in (0, 1, 2)] == [0, 0, 1]
    assert average_path(3) == pytest.approx(2 * (np.log(2) + 0.5772156649) - 4 / 3)
    assert average_path(256) == pytest.approx(10.2447709, abs=1e-6)


def test_a_path_is_walked_node_by_node():
    x, _ = data()
    forest = fit_isolation_forest(x, trees=7, samples=32)
    for row in x[::50]:
        lengths = []
        for tree in range(7):
            node, steps = 0, 0
            while forest.left[tree, node] != node:
                smaller = row[forest.feature[tree, node]] <= forest.threshold[tree, node]
                node = (forest.left if smaller else forest.right)[tree, node]
                steps += 1
            assert steps <= 5
            assert forest.length[tree, node] >= steps
            lengths.append(forest.length[tree, node])
        assert forest.scores(row[None])[0] == pytest.approx(2 ** (-np.mean(lengths) / average_path(32)))


def test_every_training_sample_of_a_tree_is_in_one_leaf():
    x = np.random.default_rng(0).normal(size=(16, 2))
    forest = fit_isolation_forest(x, trees=1, samples=16)
    leaves = (forest.left[0] == np.arange(forest.left.shape[1])).sum()
    assert 2 <= leaves <= 16
    assert forest.samples == 16


def test_it_ranks_as_scikit_learn_does():
    x, odd = data()
    ours = np.mean([roc_auc_score(odd, fit_isolation_forest(x, seed=seed).scores(x)) for seed in range(5)])
    theirs = np.mean(
        [roc_auc_score(odd, -Peer(random_state=seed).fit(x).score_samples(x)) for seed in range(5)]
    )
    assert abs(ours - theirs) < 0.015
    peer = -Peer(n_estimators=400, random_state=0).fit(x).score_samples(x)
    many = fit_isolation_forest(x, trees=400).scores(x)
    assert np.corrcoef(peer, many)[0, 1] > 0.99
    assert np.abs(peer - many).mean() < 0.01


def test_what_lies_far_away_has_the_highest_score():
    x, _ = data()
    forest = fit_isolation_forest(x)
    far, middle = forest.scores(np.array([[100.0, 1000.0, 10.0], [0.0, 0.0, 0.0]]))
    assert far > forest.scores(x).max() - 0.05
    assert middle < 0.5 < far


def test_units_do_not_matter_and_the_seed_decides():
    x, _ = data()
    one, two = fit_isolation_forest(x), fit_isolation_forest(4.0 * x)
    np.testing.assert_allclose(one.scores(x), two.scores(4.0 * x))
    np.testing.assert_array_equal(one.scores(x), fit_isolation_forest(x).scores(x))
    assert not np.array_equal(one.scores(x), fit_isolation_forest(x, seed=1).scores(x))


def test_equal_samples():
    forest = fit_isolation_forest(np.ones((10, 2)))
    np.testing.assert_allclose(forest.scores(np.ones((3, 2))), 0.5)


@pytest.mark.parametrize("x", [np.ones((1, 2)), np.ones(5), np.array([[1.0], [np.nan]]), np.ones((3, 0))])
def test_what_it_cannot_be_fitted_on(x):
    with pytest.raises(UserError, match="an isolation forest needs"):
        fit_isolation_forest(x)
