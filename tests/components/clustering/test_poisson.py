import numpy as np
import pytest
from scipy import sparse

from components.clustering.cluster_labels import affinities, graph, normalised
from components.clustering.poisson import Mbo, conjugate_gradient, flow, poisson, poisson_mbo, potentials
from components.errors import UserError


def ints(*values):
    return np.array(values, dtype=np.int64)


def random_graph(n=30, seed=0):
    """[N, N] a connected graph with random weights."""
    rng = np.random.default_rng(seed)
    half = np.triu(rng.random((n, n)) * (rng.random((n, n)) < 0.2), 1)
    half[np.arange(n - 1), np.arange(1, n)] += 0.1
    return sparse.csr_array(half + half.T)


def two_graphs(n=12, seed=1):
    """Two graphs that nothing joins, and a sample without neighbours."""
    parts = [random_graph(n, seed), random_graph(n, seed + 1), sparse.csr_array((1, 1))]
    return sparse.csr_array(sparse.block_diag(parts))


def laplacian(weights):
    w = weights.toarray()
    return np.diag(w.sum(axis=1)) - w


def dense(weights, rows, labels, classes):
    """L u = sum_j (y_j - mean y) at j by the pseudo-inverse, then of mean 0 by degree."""
    y = np.eye(classes)[labels]
    source = np.zeros((weights.shape[0], classes))
    source[rows] = y - y.mean(axis=0)
    u = np.linalg.pinv(laplacian(weights)) @ source
    degree = weights.toarray().sum(axis=1)
    return u - degree @ u / degree.sum()


def test_potentials_equal_a_dense_solve():
    weights, rows, labels = random_graph(), ints(0, 7, 20, 29), ints(0, 1, 2, 0)
    found = potentials(flow(weights, rows, labels, 3))
    np.testing.assert_allclose(found, dense(weights, rows, labels, 3), atol=1e-5)


def test_on_a_path_the_potential_falls_in_a_line():
    """Weights of 1, a label at each end: a current of 1/2 in each class, so steps of 1/2."""
    n = 9
    weights = sparse.csr_array(np.eye(n, k=1) + np.eye(n, k=-1))
    found = potentials(flow(weights, ints(0, n - 1), ints(0, 1), 2))
    np.testing.assert_allclose(found[:, 0], (4 - np.arange(n)) / 2, atol=1e-5)
    np.testing.assert_allclose(found[:, 1], -found[:, 0], atol=1e-9)


def test_it_is_what_random_walks_from_the_labels_leave_behind():
    """The paper's other form: u = sum over steps t of P^t D^-1 source, P = D^-1 W."""
    weights, rows, labels = random_graph(15, 3), ints(0, 9), ints(1, 0)
    problem = flow(weights, rows, labels, 2)
    walk, each = weights.toarray() / problem.degree[:, None], problem.source / problem.degree[:, None]
    u = np.zeros_like(each)
    for _ in range(5000):
        u = each + walk @ u
    np.testing.assert_allclose(potentials(problem), u, atol=1e-5)


def test_each_component_is_a_problem_of_its_own():
    weights, rows, labels = two_graphs(), ints(0, 5, 13, 20), ints(0, 1, 2, 0)
    found = potentials(flow(weights, rows, labels, 4))
    first, second = (slice(0, 12), ints(0, 5), ints(0, 1)), (slice(12, 24), ints(1, 8), ints(2, 0))
    for part, r, y in (first, second):
        np.testing.assert_allclose(found[part], dense(weights[part, part], r, y, 4), atol=1e-5)
    assert not found[24].any()
    for by in (poisson, poisson_mbo):
        p = by(weights, rows, labels, 4)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
        assert p[:12, 2:].max() < 1e-6  # a class that it holds no label of
        assert p[12:24, [1, 3]].max() < 1e-6
        np.testing.assert_allclose(p[24], 0.25)  # nothing arrives: every class alike


@pytest.mark.parametrize("by", [poisson, poisson_mbo])
def test_a_component_with_labels_of_one_class_has_that_class(by):
    p = by(two_graphs(), ints(0, 5, 13), ints(0, 1, 2), 3)
    np.testing.assert_allclose(p[12:24, 2], 1, rtol=1e-6)


def test_probabilities_are_the_softmax_of_three_times_the_standardised_potentials():
    weights, rows, labels = random_graph(), ints(0, 7, 20), ints(0, 1, 2)
    u = dense(weights, rows, labels, 3)
    e = np.exp(3 * u / np.sqrt((u**2).mean()))
    np.testing.assert_allclose(poisson(weights, rows, labels, 3), e / e.sum(axis=1, keepdims=True), atol=1e-4)


def test_mbo_equals_slow_steps():
    weights, rows, labels = random_graph(24, 5), ints(0, 7, 20), ints(0, 1, 2)
    mbo = Mbo(steps=7, rounds=2, source=0.5)
    y = np.eye(3)[labels]
    chosen = dense(weights, rows, labels, 3).argmax(axis=1)
    step = 1 / weights.toarray().sum(axis=1).max()
    for _ in range(2):
        u = np.eye(3)[chosen]
        for _ in range(7):
            u = u - step * laplacian(weights) @ u
            u[rows] += 0.5 * step * (y - y.mean(axis=0))
        before, chosen = chosen, u.argmax(axis=1)
        if (before == chosen).all():
            break
    expected = np.clip(u, 0, None)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(poisson_mbo(weights, rows, labels, 3, mbo=mbo), expected, atol=1e-5)


def test_known_shares_are_met():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(c, 0.7, (60, 3)) for c in np.eye(3) * 3 + 1]).astype(np.float32)
    rows, labels, prior = ints(0, 1, 2, 60, 120), ints(0, 0, 0, 1, 2), np.full(3, 1 / 3)
    weights, truth = affinities(x), np.repeat(np.arange(3), 60)
    p = poisson(weights, rows, labels, 3, prior=prior)
    np.testing.assert_allclose(p.mean(axis=0), prior, atol=0.02)
    for by in (poisson, poisson_mbo):
        assert (by(weights, rows, labels, 3, prior=prior).argmax(axis=1) == truth).mean() > 0.9


def test_with_one_label_a_class_it_names_what_spreading_names():
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(4), 40)
    x = (np.eye(4)[truth] * 4 + 1 + 0.5 * rng.standard_normal((160, 4))).astype(np.float32)
    rows = ints(0, 40, 80, 120)
    for by in (poisson, poisson_mbo):
        assert (by(affinities(x), rows, truth[rows], 4).argmax(axis=1) == truth).mean() > 0.97


def test_the_graph_of_spreading_is_that_of_the_flow():
    x = np.random.default_rng(2).standard_normal((30, 4)).astype(np.float32)
    weights = affinities(x)
    assert (weights != weights.T).nnz == 0
    assert (graph(x) != normalised(weights)).nnz == 0


def test_conjugate_gradients_solve_each_column_and_stop_where_they_should():
    rng = np.random.default_rng(3)
    root = rng.standard_normal((8, 8))
    matrix, wanted = root @ root.T + np.eye(8), rng.standard_normal((8, 3)) * [1, 1e-6, 0]
    found = conjugate_gradient(lambda x: matrix @ x, wanted, tolerance=1e-10, iterations=100)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, wanted), rtol=1e-6)
    assert not found[:, 2].any()
    few = conjugate_gradient(lambda x: matrix @ x, wanted, tolerance=1e-10, iterations=2)
    assert np.abs(matrix @ few - wanted).max() > 1e-6


def test_one_sample_and_copies_do_no_harm():
    for by in (poisson, poisson_mbo):
        np.testing.assert_allclose(
            by(affinities(np.ones((1, 3), np.float32)), ints(0), ints(1), 2), [[0, 1]], atol=1e-8
        )
        p = by(affinities(np.ones((30, 3), np.float32)), ints(0, 1), ints(0, 1), 2)
        assert np.isfinite(p).all()
    np.testing.assert_allclose(poisson(random_graph(), ints(), ints(), 2), 0.5)


def test_refuses_in_one_line():
    with pytest.raises(UserError, match=r"class in \[0, 2\)"):
        poisson(random_graph(), ints(0), ints(2), 2)
