import faiss
import numpy as np
import pytest
from sklearn.cluster import KMeans

from components.clustering.kmeans import kmeans, plus_plus, unit
from components.errors import UserError


def blobs(per=30, seed=0, spread=0.05):
    rng = np.random.default_rng(seed)
    centres = np.array([[5, 0, 0], [0, 5, 0], [0, 0, 5], [-5, 0, 0]], dtype=np.float32)
    points = np.repeat(centres, per, axis=0) + spread * rng.standard_normal((4 * per, 3))
    return points.astype(np.float32), np.repeat(np.arange(4), per)


def slow_inertia(points, centroids, assignment):
    return sum(
        sum((float(x) - float(c)) ** 2 for x, c in zip(p, centroids[a], strict=True))
        for p, a in zip(points, assignment, strict=True)
    )


@pytest.mark.parametrize("spherical", [True, False])
def test_finds_blobs_whatever_the_seed(spherical):
    points, truth = blobs()
    for seed in range(5):
        found = kmeans(points, 4, spherical=spherical, seed=seed)
        pairs = set(zip(found.assignment.tolist(), truth.tolist(), strict=True))
        assert len(pairs) == 4
        assert found.repaired == 0


def test_inertia_is_the_sum_of_squared_distances_and_no_worse_than_sklearn_or_faiss():
    points = np.random.default_rng(1).standard_normal((400, 6)).astype(np.float32)
    found = kmeans(points, 12, spherical=False, restarts=5, iterations=50, seed=0)
    assert found.inertia == pytest.approx(slow_inertia(points, found.centroids, found.assignment), rel=1e-6)
    peer = KMeans(12, n_init=5, random_state=0).fit(points)
    assert found.inertia <= peer.inertia_ * 1.02
    other = faiss.Kmeans(6, 12, niter=50, nredo=5, seed=1, min_points_per_centroid=1)
    other.train(points)
    assert found.inertia <= float(other.obj[-1]) * 1.02


def test_hand_computed_on_a_line():
    points = np.array([[0.0], [2.0], [10.0], [14.0]], dtype=np.float32)
    found = kmeans(points, 2, spherical=False, seed=0)
    assert sorted(found.centroids[:, 0].tolist()) == [1.0, 12.0]
    assert found.inertia == pytest.approx(1 + 1 + 4 + 4)


def test_spherical_goes_by_direction_not_length():
    points = np.array([[1, 0], [100, 1], [0, 1], [1, 100]], dtype=np.float32)
    found = kmeans(points, 2, seed=0)
    assert found.assignment[0] == found.assignment[1] != found.assignment[2] == found.assignment[3]
    np.testing.assert_allclose(np.linalg.norm(found.centroids, axis=1), 1, rtol=1e-6)
    assert found.inertia == pytest.approx(
        sum(
            2 - 2 * float(u @ found.centroids[a]) for u, a in zip(unit(points), found.assignment, strict=True)
        ),
        abs=1e-6,
    )


@pytest.mark.parametrize("spherical", [True, False])
def test_same_seed_same_bytes_and_other_seed_other_start(spherical):
    points = np.random.default_rng(2).standard_normal((3000, 8)).astype(np.float32)
    a, b = (kmeans(points, 40, spherical=spherical, restarts=2, seed=5) for _ in range(2))
    assert a.centroids.tobytes() == b.centroids.tobytes()
    assert a.assignment.tobytes() == b.assignment.tobytes()
    assert a.inertia == b.inertia
    c = kmeans(points, 40, spherical=spherical, restarts=2, seed=6)
    assert a.centroids.tobytes() != c.centroids.tobytes()


def test_threads_are_as_before_afterwards():
    before = faiss.omp_get_max_threads()
    kmeans(blobs()[0], 4, seed=0, threads=1)
    assert faiss.omp_get_max_threads() == before


def test_more_restarts_never_end_worse():
    points = np.random.default_rng(3).standard_normal((300, 4)).astype(np.float32)
    by = [kmeans(points, 15, restarts=r, iterations=3, seed=1).inertia for r in (1, 2, 4, 8)]
    assert by == sorted(by, reverse=True)
    assert by[-1] < by[0]


def test_empty_clusters_are_filled_and_counted():
    points, _ = blobs()
    far = np.array([[100, 100, 100]], dtype=np.float32)
    start = np.concatenate([points[[0, 40, 80]], far])  # nothing is nearest to the last
    found = kmeans(points, 4, spherical=False, start=start, seed=0)
    assert np.bincount(found.assignment, minlength=4).min() > 0
    assert found.repaired >= 1


def test_clusters_empty_at_the_end_are_filled_too():
    points, truth = blobs()
    start = np.concatenate([points[[0, 40, 80]], np.array([[100, 100, 100]], dtype=np.float32)])
    found = kmeans(points, 4, spherical=False, start=start, iterations=0, seed=0)
    assert found.repaired == 1
    assert start[3].tolist() == [100, 100, 100]  # the caller's own is left as it was
    assert len(set(zip(found.assignment.tolist(), truth.tolist(), strict=True))) == 4


def test_as_many_clusters_as_distinct_points_of_many_copies():
    points = np.repeat(np.eye(6, dtype=np.float32), [1, 1, 1, 1, 500, 500], axis=0)
    found = kmeans(points, 6, seed=0)
    assert found.inertia == pytest.approx(0, abs=1e-9)
    assert np.bincount(found.assignment).tolist() == np.bincount(found.assignment, minlength=6).tolist()
    assert np.bincount(found.assignment, minlength=6).min() == 1


def test_continues_from_the_centroids_given():
    points = np.random.default_rng(4).standard_normal((500, 5)).astype(np.float32)
    done = kmeans(points, 7, iterations=100, seed=0)
    again = kmeans(points, 7, iterations=3, seed=9, start=done.centroids)
    np.testing.assert_allclose(again.centroids, done.centroids, atol=1e-5)
    assert (again.assignment == done.assignment).mean() > 0.99


def test_plus_plus_draws_points_and_spreads_them():
    points, truth = blobs()
    rng = np.random.default_rng(0)
    hits = [
        len({truth[np.abs(points - c).sum(1).argmin()] for c in plus_plus(points, 4, rng)}) for _ in range(20)
    ]
    assert hits == [4] * 20  # four points at random would do so in 3 of 32 cases
    start = plus_plus(points, 4, rng)
    assert all((points == c).all(axis=1).any() for c in start)


def test_a_zero_row_does_no_harm():
    points = np.concatenate([blobs()[0], np.zeros((2, 3), np.float32)])
    assert np.isfinite(kmeans(points, 4, seed=0).inertia)


@pytest.mark.parametrize(
    ("points", "clusters", "kwargs", "message"),
    [
        (np.full((9, 2), np.nan, np.float32), 2, {}, "finite points, got 9 rows"),
        (np.eye(3, dtype=np.float32), 4, {}, "clusters <= points, got 4 for 3"),
        (np.ones((9, 2), np.float32), 2, {}, "got 1 distinct of 9"),
        (np.arange(1, 9, dtype=np.float32)[:, None], 2, {}, "got 1 distinct of 8"),  # one direction
        (np.ones(4, np.float32), 1, {}, r"points \[N, D\]"),
        (np.eye(3, dtype=np.float32), 0, {}, "clusters >= 1"),
        (np.eye(3, dtype=np.float32), 2, {"start": np.eye(3, dtype=np.float32)}, "start centroids"),
    ],
)
def test_refuses_in_one_line(points, clusters, kwargs, message):
    with pytest.raises(UserError, match=message) as error:
        kmeans(points, clusters, seed=0, **kwargs)
    assert "\n" not in str(error.value)
