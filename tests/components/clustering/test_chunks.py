import numpy as np
import pytest

from components.clustering.chunks import (
    chunks_of,
    grid,
    nearest,
    on_grid,
    searcher,
    split_empty,
    squared,
    sums_of,
)


def points(rows=50, size=3, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, size)).astype(np.float32)


@pytest.mark.parametrize("size", [1, 7, 50, 99])
def test_chunks_of_a_file_or_an_array_are_all_its_rows_in_order(size, tmp_path):
    x = points()
    np.save(tmp_path / "x.npy", x)
    for shard in (x, tmp_path / "x.npy"):
        lows, parts = zip(*chunks_of(shard, size, spherical=False), strict=True)
        assert np.array_equal(np.concatenate(parts), x)
        assert list(lows) == list(range(0, 50, size))
    ((low, part),) = chunks_of(x, 20, spherical=False, chosen=np.array([2]))
    assert low == 40
    assert np.array_equal(part, x[40:])


def test_spherical_chunks_are_of_unit_length_and_the_shard_is_left_alone():
    x = points()
    before = x.copy()
    for _, part in chunks_of(x, 20, spherical=True):
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, rtol=1e-6)
    assert np.array_equal(x, before)


@pytest.mark.parametrize("spherical", [True, False])
def test_nearest_equals_a_loop(spherical):
    x, c = points(), points(4, seed=1)
    if spherical:
        slow = [max(range(4), key=lambda k: float(p @ c[k])) for p in x]
    else:
        slow = [min(range(4), key=lambda k: float(((p - c[k]) ** 2).sum())) for p in x]
    assert nearest(x, searcher(c, spherical)).tolist() == slow


def test_sums_and_distances_equal_loops_also_over_many_blocks():
    x = points(5000)
    own = np.random.default_rng(2).integers(0, 4, len(x))
    sums, counts = sums_of(x, own, 6)
    for k in range(6):
        np.testing.assert_allclose(sums[k], x[own == k].astype(np.float64).sum(axis=0), rtol=0, atol=2e-4)
        assert counts[k] == (own == k).sum()
    assert sums.dtype == np.float64
    c = points(4, seed=1)
    gaps = x.astype(np.float64) - c[own]
    slow = [sum(float(g) ** 2 for g in gap) for gap in gaps]
    np.testing.assert_allclose(squared(x, c, own), slow, rtol=1e-5)


def test_sums_of_whole_numbers_are_exact_beyond_float32():
    x = np.full((3 * 4096 + 5, 2), 4096, dtype=np.float32)
    x[-1] = 1
    sums, counts = sums_of(x, np.zeros(len(x), dtype=np.int64), 1)
    assert sums.tolist() == [[4096.0 * (3 * 4096 + 4) + 1] * 2]  # float32 holds no odd number above 2^24
    assert counts.tolist() == [len(x)]


def test_the_grid_of_the_docstring_and_of_other_sizes():
    assert grid(1.0, 10**6) == -31
    assert grid(2.0, 10**6) == grid(1.0, 2 * 10**6) == -30


def test_on_the_grid_any_order_and_grouping_gives_the_same_bits():
    rng = np.random.default_rng(3)
    parts = rng.standard_normal((200, 40)) * 10.0 ** rng.uniform(-6, 2, (200, 1))
    exponent = grid(float(np.abs(parts).max()), 200)
    exact = on_grid(parts, exponent)
    np.testing.assert_allclose(exact, parts, rtol=0, atol=2.0**exponent / 2)
    assert (np.ldexp(exact, -exponent) % 1 == 0).all()
    whole = exact.sum(axis=0)
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(200)
        groups = np.array_split(exact[order], 1 + seed)
        assert sum(group.sum(axis=0) for group in groups).tobytes() == whole.tobytes()
    plain = {parts[np.random.default_rng(s).permutation(200)].sum(axis=0).tobytes() for s in range(20)}
    assert len(plain) > 1  # which without the grid would not be so


def test_the_sum_of_as_many_as_the_grid_is_for_is_still_exact():
    exponent = grid(1.0, 1000)
    assert 1000 * 2.0 ** (1 - exponent) <= 2**53
    largest = np.full(1000, 2.0) - 2.0**exponent
    assert np.cumsum(largest)[-1] == 2000 - 1000 * 2.0**exponent


def test_an_empty_cluster_takes_half_of_a_large_one():
    centroids = np.array([[1.0, 2], [5, 5], [9, 9], [3, 3]], dtype=np.float32)
    counts = np.array([101, 1, 0, 1])
    split, moved = split_empty(centroids, counts, np.random.default_rng(0))
    up, down = 1 + 1 / 1024, 1 - 1 / 1024
    assert moved == 1
    np.testing.assert_allclose(split[2], [1 * up, 2 * down], rtol=1e-6)
    np.testing.assert_allclose(split[0], [1 * down, 2 * up], rtol=1e-6)
    assert np.array_equal(split[[1, 3]], centroids[[1, 3]])  # of one point each: nothing to halve
    assert centroids[2].tolist() == [9, 9]  # the caller's own are left as they were


def test_a_large_cluster_is_drawn_by_its_size():
    centroids = np.arange(3, dtype=np.float32)[:, None] + 1
    halved = [
        int(split_empty(centroids, np.array([301, 101, 0]), np.random.default_rng(s))[0][2, 0] > 1.5)
        for s in range(400)
    ]
    assert 0.2 < np.mean(halved) < 0.3  # 100 of 400
