"""Distance to neighbours: a slow loop, and groups of anomalies."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from components.errors import UserError
from components.evaluation.anomaly.neighbour_distance import fit_neighbour_distance


def test_a_slow_loop(monkeypatch):
    monkeypatch.setattr("components.evaluation.anomaly.neighbour_distance.CHUNK", 7)
    random = np.random.default_rng(0)
    x, queries = random.normal(size=(30, 4)), random.normal(size=(20, 4))
    detector = fit_neighbour_distance(x)
    assert detector.k == 3
    wanted = np.sort(cdist(queries, x), axis=1)[:, :3].mean(axis=1)
    np.testing.assert_allclose(detector.scores(queries), wanted, atol=1e-9)


def test_the_scores_are_those_of_pyod():
    x = np.array([[1, 2.5], [-1, 0.5], [0.3, -2], [2, 2], [0, 0], [9, -7], [0.5, 0.5], [0.5, 1.0]])
    found = fit_neighbour_distance(x, share=3 / 8).scores(np.array([[0.4, 0.6], [12, -8], [-3, 0]]))
    # KNN(n_neighbors=3, method="mean") of PyOD 3.6.7
    np.testing.assert_allclose(found, [0.42494739, 10.15105916, 2.86569557], atol=1e-8)


def test_of_many_samples_some_are_compared_with():
    x = np.random.default_rng(0).normal(size=(3000, 2))
    one, two = fit_neighbour_distance(x), fit_neighbour_distance(x, seed=1)
    assert one.bank.shape == (1000, 2)
    assert one.k == 100
    assert set(map(tuple, one.bank)) <= set(map(tuple, x))
    assert not np.array_equal(one.bank, two.bank)


def test_a_group_of_anomalies_is_far_from_others():
    random = np.random.default_rng(0)
    x = np.concatenate([random.normal(size=(1900, 2)), 8 + 0.01 * random.normal(size=(100, 2))])
    scores = fit_neighbour_distance(x).scores(x)
    assert scores[1900:].min() > np.quantile(scores[:1900], 0.99)


def test_no_queries_and_bad_samples():
    assert fit_neighbour_distance(np.eye(3)).scores(np.empty((0, 3))).shape == (0,)
    with pytest.raises(UserError, match="needs two samples"):
        fit_neighbour_distance(np.eye(1))
