import numpy as np
import pytest

from components.clustering.cluster_labels import Spread
from components.clustering.out_of_sample import induced


def cloud(rows, seed):
    return np.random.default_rng(seed).standard_normal((rows, 5)).astype(np.float32)


def test_equals_a_slow_loop_over_chunks_of_any_size():
    points, others = cloud(60, 0), cloud(41, 1)
    p = np.random.default_rng(2).dirichlet([1, 1, 1], 60).astype(np.float32)
    spread = Spread(neighbours=4, width=0.3)
    slow = []
    for x in others.astype(np.float64):
        cosines = points @ x / np.linalg.norm(points, axis=1) / np.linalg.norm(x)
        near = np.argsort(-cosines)[:4]
        weights = np.exp((cosines[near] - 1) / 0.3)
        slow.append(weights @ p[near] / weights.sum())
    for size in (1, 7, 41):
        chunks = (others[low : low + size] for low in range(0, 41, size))
        np.testing.assert_allclose(induced(points, p, chunks, spread), slow, atol=1e-5)


def test_where_the_only_neighbour_is_the_sample_itself_it_is_named_as_that():
    points, p = np.eye(3, dtype=np.float32), np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]], np.float32)
    found = induced(points, p, [2 * points], Spread(width=0.01))
    np.testing.assert_allclose(found, p, atol=1e-6)
    assert found.dtype == np.float32


def test_rows_sum_to_one_also_for_the_zero_sample_and_none_gives_none():
    points, p = cloud(30, 0), np.full((30, 2), 0.5, np.float32)
    found = induced(points, p, [np.zeros((1, 5), np.float32), cloud(9, 1)])
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert induced(points, p, []).shape == (0, 2)


@pytest.mark.parametrize("width", [0.05, 1.0])
def test_all_neighbours_of_one_class_leave_no_doubt(width):
    points = np.abs(cloud(20, 3))
    p = np.tile(np.array([[0.0, 1.0]], np.float32), (20, 1))
    np.testing.assert_allclose(induced(points, p, [points], Spread(width=width))[:, 1], 1, rtol=1e-6)
