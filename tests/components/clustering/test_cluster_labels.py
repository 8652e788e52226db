import numpy as np
import pytest
from sklearn.semi_supervised import LabelSpreading

from components.clustering.cluster_labels import Spread, align, cluster_classes, graph, sources, spread_labels
from components.errors import UserError


def chain():
    """Two chains of points on two separate arcs."""
    angle = np.concatenate([np.linspace(0, 0.9, 10), np.linspace(2, 2.9, 10)])
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def ints(*values):
    return np.array(values, dtype=np.int64)


def slow_graph(x, k, width):
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    cos = (x @ x.T).astype(np.float64)
    half = np.zeros_like(cos)
    for i in range(len(x)):
        near = [j for j in np.argsort(-cos[i], kind="stable") if j != i][:k]
        half[i, near] = np.exp((cos[i, near] - 1) / width)
    whole = half + half.T
    return np.array(
        [[w / np.sqrt(whole[i].sum() * whole[j].sum()) for j, w in enumerate(r)] for i, r in enumerate(whole)]
    )


def test_graph_equals_a_slow_loop():
    x = np.random.default_rng(0).standard_normal((40, 5)).astype(np.float32)
    edges = graph(x, Spread(neighbours=4, width=0.2)).toarray()
    np.testing.assert_allclose(edges, slow_graph(x, 4, 0.2), rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(edges, edges.T, atol=1e-7)
    assert not edges.diagonal().any()


def test_spreading_ends_at_the_closed_form():
    x = np.random.default_rng(1).standard_normal((30, 4)).astype(np.float32)
    edges = graph(x)
    rows, labels = ints(0, 7, 20), ints(0, 1, 2)
    given = np.zeros((30, 3))
    given[rows, labels] = 1
    closed = np.linalg.solve(np.eye(30) - 0.9 * edges.toarray(), given)
    found = spread_labels(edges, rows, labels, 3, spread=Spread(alpha=0.9, iterations=300))
    np.testing.assert_allclose(found, closed / closed.sum(axis=1, keepdims=True), atol=1e-4)


def test_names_as_sklearn_does_on_its_own_graph():
    x = chain()
    rows, labels = ints(0, 19), ints(0, 1)
    given = np.full(20, -1)
    given[rows] = labels
    peer = LabelSpreading(kernel="knn", n_neighbors=3, alpha=0.9, max_iter=1000).fit(x, given)
    assert spread_labels(graph(x), rows, labels, 2).argmax(axis=1).tolist() == peer.transduction_.tolist()


def test_a_label_reaches_the_end_of_its_chain_and_not_the_other():
    found = spread_labels(
        graph(chain(), Spread(neighbours=2)), ints(0), ints(1), 2, spread=Spread(neighbours=2)
    )
    assert (found[:10, 1] > 0.99).all()
    np.testing.assert_allclose(found[10:], 0.5)  # nothing arrives: every class alike


def test_rows_sum_to_one_and_unseen_classes_get_nothing():
    found = spread_labels(graph(chain()), ints(0, 12), ints(0, 2), 4)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert found[:, [1, 3]].max() < 1e-3
    prior = spread_labels(graph(chain()), ints(0, 12), ints(0, 2), 4, prior=np.array([0.5, 0, 0.5, 0]))
    assert prior[:, [1, 3]].max() == 0


def test_aligning_meets_the_prior_and_keeps_what_fits():
    mass = np.random.default_rng(2).random((500, 3)) * [5, 1, 1]
    prior = np.array([0.2, 0.3, 0.5])
    aligned = align(mass, prior, iterations=200)
    np.testing.assert_allclose(aligned.mean(axis=0), prior, atol=1e-4)
    np.testing.assert_allclose(aligned.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(
        align(np.array([[3.0, 1.0], [1.0, 3.0]]), np.array([0.5, 0.5])), [[0.75, 0.25], [0.25, 0.75]]
    )
    np.testing.assert_allclose(align(np.array([[3.0, 1.0]]), None), [[0.75, 0.25]], rtol=1e-6)


def test_sources_by_hand():
    assignment, predicted = ints(0, 0, 0, 1, 1), ints(3, 3, 2, 3, 2)
    assert sources(assignment, predicted, ints(0), ints(3)).tolist() == [
        "label",
        "cluster",
        "neighbour",  # its cluster holds a label, but of another class
        "neighbour",
        "neighbour",
    ]


def test_cluster_classes_by_hand():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]], dtype=np.float32)
    assert cluster_classes(ints(0, 0, 2, 2), p, 3).tolist() == [0, -1, 1]


def test_one_sample_and_copies_do_no_harm():
    assert graph(np.ones((1, 3), np.float32)).nnz == 0
    np.testing.assert_allclose(spread_labels(graph(np.ones((30, 3), np.float32)), ints(0), ints(0), 1), 1)


def test_many_samples_are_searched_by_cells(monkeypatch):
    x = np.random.default_rng(3).standard_normal((600, 4)).astype(np.float32)
    exact = graph(x)
    monkeypatch.setattr("components.clustering.cluster_labels._EXACT", 100)
    cells = graph(x)
    same = (exact.astype(bool).multiply(cells.astype(bool))).nnz / exact.nnz
    assert 0.7 < same < 1
    assert (graph(x) != cells).nnz == 0


def test_refuses_in_one_line():
    with pytest.raises(UserError, match="finite features"):
        graph(np.full((3, 2), np.nan, np.float32))
    with pytest.raises(UserError, match=r"class in \[0, 2\)"):
        spread_labels(graph(chain()), ints(0), ints(2), 2)
