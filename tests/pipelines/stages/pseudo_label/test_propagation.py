"""Which way of spreading labels a recipe's word stands for."""

import numpy as np
import pytest

from components.clustering import cluster_labels, poisson
from pipelines.stages.pseudo_label.propagation import _namer

CLASSES = 3


@pytest.mark.parametrize("way", ["poisson", "poisson_mbo"])
@pytest.mark.parametrize("prior", [None, np.array([0.2, 0.2, 0.6])])
def test_poisson_learning_by_its_name_and_with_the_shares_that_are_known(way, prior):
    """On points without clusters, where the ways differ and known shares matter."""
    points = np.random.default_rng(0).standard_normal((80, 4)).astype(np.float32)
    rows, labels = np.arange(6), np.array([0, 0, 0, 1, 1, 2])
    found = _namer(way, points, CLASSES, prior)(rows, labels)
    weights = cluster_labels.affinities(points)
    expected = getattr(poisson, way)(weights, rows, labels, CLASSES, prior=prior)
    np.testing.assert_array_equal(found, expected)
    other = {"poisson": "poisson_mbo", "poisson_mbo": "poisson"}[way]
    assert not np.allclose(found, getattr(poisson, other)(weights, rows, labels, CLASSES, prior=prior))
    if prior is not None:
        assert not np.allclose(found, getattr(poisson, way)(weights, rows, labels, CLASSES))
