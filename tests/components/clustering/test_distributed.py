import os
import signal
import sys
from types import SimpleNamespace

import faiss
import numpy as np
import pytest

from components.clustering import distributed, draws, workers
from components.clustering import run as running
from components.clustering.distributed import kmeans
from components.clustering.kmeans import kmeans as in_memory
from components.clustering.kmeans import unit
from components.errors import UserError


def blobs(per=30, seed=0):
    rng = np.random.default_rng(seed)
    centres = np.array([[5, 0, 0], [0, 5, 0], [0, 0, 5], [-5, 0, 0]], dtype=np.float32)
    x = np.repeat(centres, per, axis=0) + 0.05 * rng.standard_normal((4 * per, 3))
    return x.astype(np.float32), np.repeat(np.arange(4), per)


def cloud(rows=3000, size=8, seed=1):
    return np.random.default_rng(seed).standard_normal((rows, size)).astype(np.float32)


def same(a, b):
    return (
        a.centroids.tobytes() == b.centroids.tobytes()
        and a.assignment.tobytes() == b.assignment.tobytes()
        and (a.inertia, a.repaired) == (b.inertia, b.repaired)
    )


@pytest.fixture
def many(monkeypatch):
    """As many workers as asked for, in this process."""
    monkeypatch.setattr(distributed, "actors", lambda held, settings, cpus: workers.here(held, settings))


@pytest.mark.parametrize("spherical", [True, False])
def test_finds_blobs_across_shards(spherical):
    x, truth = blobs()
    found = kmeans(np.array_split(x, 5), 4, spherical=spherical, seed=0, chunk=16)
    assert len(set(zip(found.assignment.tolist(), truth.tolist(), strict=True))) == 4
    assert found.repaired == 0
    points = unit(x) if spherical else x
    slow = sum(float(((points[i] - found.centroids[a]) ** 2).sum()) for i, a in enumerate(found.assignment))
    assert found.inertia == pytest.approx(slow, rel=1e-4)


@pytest.mark.parametrize("spherical", [True, False])
def test_the_same_centroids_as_faiss_from_the_same_start(spherical):
    x = unit(cloud()) if spherical else cloud()
    start = x[:20].copy()
    peer = faiss.Kmeans(
        8, 20, niter=10, spherical=spherical, min_points_per_centroid=1, max_points_per_centroid=3000
    )
    peer.train(x, init_centroids=start)
    found = kmeans(np.array_split(x, 3), 20, spherical=spherical, iterations=10, seed=0, start=start)
    np.testing.assert_allclose(found.centroids, np.asarray(peer.centroids).reshape(20, 8), atol=1e-4)


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("spherical", [True, False])
@pytest.mark.usefixtures("many")
def test_any_number_of_workers_gives_the_same_bytes(batch, spherical):
    shards = np.array_split(cloud(), 7)
    one, *others = (
        kmeans(shards, 30, spherical=spherical, iterations=6, seed=3, batch=batch, workers=w, chunk=200)
        for w in (1, 2, 3, 7, 50)
    )
    assert all(same(one, other) for other in others)
    assert not same(
        one, kmeans(shards, 30, spherical=spherical, iterations=6, seed=4, batch=batch, chunk=200)
    )


def test_files_are_as_good_as_arrays(tmp_path):
    shards = np.array_split(cloud(), 3)
    files = [tmp_path / f"{n}.npy" for n in range(3)]
    for file, shard in zip(files, shards, strict=True):
        np.save(file, shard)
    assert same(kmeans(shards, 9, seed=0, chunk=300), kmeans(files, 9, seed=0, chunk=300))


def test_a_mini_batch_step_by_hand():
    shards = [np.array([[0.0], [2], [10], [14]], np.float32), np.array([[4.0], [20]], np.float32)]
    start = np.array([[0.0], [30]], np.float32)
    chosen = [
        draws.mini_batch([(0, 0), (0, 1), (1, 0)], 1, 5, turn, 2) for turn in range(3)
    ]  # each chunk of two rows has its turn
    turns = [next((s, int(c[0])) for s, c in own.items() if len(c)) for own in chosen]
    assert sorted(turns) == [(0, 0), (0, 1), (1, 0)]
    found = kmeans(shards, 2, spherical=False, iterations=3, seed=5, start=start, batch=1, chunk=2)
    sums, counts, centroids = [0.0, 0.0], [0, 0], [0.0, 30.0]
    for shard, chunk in turns:
        own = shards[shard][2 * chunk : 2 * chunk + 2, 0].tolist()
        near = [min((0, 1), key=lambda k: abs(x - centroids[k])) for x in own]
        for x, k in zip(own, near, strict=True):
            sums[k], counts[k] = sums[k] + x, counts[k] + 1
        centroids = [s / n if n else c for s, n, c in zip(sums, counts, centroids, strict=True)]
    np.testing.assert_allclose(found.centroids[:, 0], centroids, rtol=1e-6)


def test_mini_batches_give_every_chunk_its_turn_and_each_round_an_order_of_its_own():
    parts = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    turns = [
        [(s, int(c)) for s, own in draws.mini_batch(parts, 2, 7, done, 2).items() for c in own]
        for done in range(10)
    ]
    assert all(len(turn) == 2 for turn in turns)
    orders = [np.random.default_rng([7, 1, r]).permutation(5) for r in range(4)]
    whole = [parts[i] for order in orders for i in order]
    assert turns == [sorted(whole[2 * n : 2 * n + 2]) for n in range(10)]
    assert len({tuple(order) for order in orders}) > 1


def test_mini_batches_come_near_what_all_points_give():
    shards = np.array_split(cloud(20_000, 4), 4)
    whole = kmeans(shards, 10, spherical=False, iterations=25, seed=0, chunk=500)
    part = kmeans(shards, 10, spherical=False, iterations=40, seed=0, batch=2, chunk=500)
    assert part.inertia < 1.05 * whole.inertia


def test_starts_are_points_spread_as_by_the_kmeans_of_one_process():
    x, _ = blobs()
    shards = np.array_split(x, 5)
    found = kmeans(shards, 4, spherical=False, iterations=0, seed=0, chunk=16)
    assert all((x == c).all(axis=1).any() for c in found.centroids)
    inertia = kmeans(np.array_split(cloud(), 3), 25, spherical=False, seed=0).inertia
    assert inertia < 1.03 * in_memory(cloud(), 25, spherical=False, restarts=1, seed=0).inertia


@pytest.mark.parametrize("spherical", [True, False])
def test_starts_and_the_best_of_several_runs_are_those_of_one_process(spherical):
    x, settings = cloud(9000, 6), {"clusters": 12, "spherical": spherical, "seed": 4}
    alike = kmeans(np.array_split(x, 3), **settings, iterations=0, restarts=1)
    starts = in_memory(x, **settings, iterations=0, restarts=1).centroids
    np.testing.assert_allclose(alike.centroids, starts, rtol=0, atol=1e-6)
    each = [
        in_memory(x, 12, spherical=spherical, seed=4, restarts=n, iterations=5).inertia for n in (1, 2, 3)
    ]
    found = [kmeans(np.array_split(x, 3), **settings, iterations=5, restarts=n).inertia for n in (1, 2, 3)]
    assert found == pytest.approx(each, rel=1e-5)
    assert found[2] < found[0]


def test_the_sample_of_a_start_is_of_the_rows_drawn_from_all_shards():
    shards = [cloud(7000, 2, seed=s) for s in range(3)]
    asked = {}

    def ask(method, wanted):
        asked.update(wanted)
        return workers.Worker(dict(enumerate(shards)), 999, False, 1).take(wanted), {}

    start = draws.first_of(ask, [7000] * 3, 5, np.random.default_rng(0))
    assert sum(map(len, asked.values())) == 8192
    assert all(len(set(rows.tolist())) == len(rows) for rows in asked.values())
    assert all(0 <= rows.min() <= rows.max() < 7000 for rows in asked.values())
    taken = workers.Worker(dict(enumerate(shards)), 999, False, 1).take(asked)
    for number, rows in asked.items():
        assert np.array_equal(taken[number], shards[number][rows])
    assert all(any((shard == c).all(axis=1).any() for shard in shards) for c in start)


@pytest.mark.parametrize("iterations", [0, 25])
def test_empty_clusters_are_filled_and_counted(iterations):
    x, truth = blobs()
    start = np.concatenate([x[[0, 40, 80]], np.array([[100, 100, 100]], dtype=np.float32)])
    found = kmeans(np.array_split(x, 3), 4, spherical=False, start=start, iterations=iterations, seed=0)
    assert np.bincount(found.assignment, minlength=4).min() > 0
    assert found.repaired >= 1
    if not iterations:
        assert found.repaired == 1
        assert len(set(zip(found.assignment.tolist(), truth.tolist(), strict=True))) == 4
    assert start[3].tolist() == [100, 100, 100]


def test_a_cluster_empty_in_between_takes_half_of_a_large_one_but_not_in_mini_batches():
    sums, counts = np.array([[8.0], [0]]), np.array([4, 0])
    for keep, expected in ((False, [2 * (1 - 1 / 1024), 2 * (1 + 1 / 1024)]), (True, [2, 50])):
        run = running.Run(np.array([[0.0], [50]], np.float32), 0, False, [], None)
        run.move([(sums, counts)], keep=keep)
        np.testing.assert_allclose(run.centroids[:, 0], expected, rtol=1e-6)
        assert run.repaired == (not keep)


def test_as_many_clusters_as_distinct_points_of_many_copies():
    x = np.repeat(np.eye(6, dtype=np.float32), [1, 1, 1, 1, 500, 500], axis=0)
    found = kmeans(np.array_split(x, 4), 6, spherical=False, seed=0, chunk=100)
    assert found.inertia == pytest.approx(0, abs=1e-9)
    assert sorted(np.bincount(found.assignment).tolist()) == [1, 1, 1, 1, 500, 500]
    start = np.concatenate([x[:1], np.full((5, 6), 50, np.float32)])
    for iterations in (0, 5):
        found = kmeans(np.array_split(x, 4), 6, spherical=False, seed=0, start=start, iterations=iterations)
        assert np.bincount(found.assignment, minlength=6).min() >= 1


@pytest.mark.parametrize("batch", [0, 3])
def test_a_run_that_was_stopped_goes_on_and_ends_in_the_same_bytes(batch, tmp_path, monkeypatch):
    shards = np.array_split(cloud(), 3)
    run = {"clusters": 40, "iterations": 8, "seed": 2, "batch": batch, "chunk": 250}
    whole = kmeans(shards, **run)
    steps = []
    step = workers.Worker.step

    def counted(self, *given):
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return step(self, *given)

    monkeypatch.setattr(workers.Worker, "step", counted)
    with pytest.raises(KeyboardInterrupt):
        kmeans(shards, **run, folder=tmp_path / "state")
    assert same(kmeans(shards, **run, folder=tmp_path / "state"), whole)
    assert len(steps) == 4 + 5  # three of the eight were done
    assert same(kmeans(shards, **run, folder=tmp_path / "state"), whole)
    assert len(steps) == 4 + 5  # and now all are
    with pytest.raises(UserError, match="state of another k-means"):
        kmeans(shards, **{**run, "seed": 3}, folder=tmp_path / "state")


def test_no_more_than_a_chunk_of_a_file_is_asked_for_at_a_time(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", cloud())
    sizes = []
    real = workers.nearest
    monkeypatch.setattr(workers, "nearest", lambda x, index: (sizes.append(len(x)), real(x, index))[1])
    kmeans([tmp_path / "x.npy"], 5, iterations=2, seed=0, chunk=256)
    assert max(sizes) == 256


def test_it_ends_when_nothing_moves():
    x, _ = blobs()
    run = running.Run(x[[0, 40, 80, 110]], 0, False, [], None)
    worker = workers.Worker({0: x}, 50, False, 1)
    while not run.still:
        run.move([worker.step(run.centroids, -20, None)], keep=False)
    assert run.done <= 4


@pytest.mark.parametrize(
    ("shards", "clusters", "kwargs", "message"),
    [
        ([np.full((9, 2), np.nan, np.float32)], 2, {}, "finite points, got 9 rows of 9"),
        ([np.full((9, 2), np.inf, np.float32)], 2, {}, "finite points, got 9 rows of 9"),
        ([np.eye(3, dtype=np.float32)], 4, {}, "clusters <= points, got 4 for 3"),
        ([np.ones((9, 2), np.float32)], 2, {}, "as many distinct points"),
        ([np.ones((9, 2), np.float32)], 2, {"start": np.eye(2, dtype=np.float32)}, "as many distinct points"),
        ([np.arange(1, 9, dtype=np.float32)[:, None]], 2, {}, "as many distinct points"),  # one direction
        ([np.ones(4, np.float32)], 1, {}, r"shards \[rows, D\]"),
        ([np.eye(3, dtype=np.float32), np.eye(2, dtype=np.float32)], 1, {}, r"shards \[rows, D\]"),
        ([], 1, {}, r"shards \[rows, D\]"),
        ([np.eye(3, dtype=np.float32)], 0, {}, "1 <= clusters"),
        ([np.eye(3, dtype=np.float32)], 1, {"restarts": 0}, "restarts >= 1, got 0"),
        ([np.eye(3, dtype=np.float32)], 2, {"start": np.eye(3, dtype=np.float32)}, "start centroids"),
    ],
)
def test_refuses_in_one_line(shards, clusters, kwargs, message):
    with pytest.raises(UserError, match=message) as error:
        kmeans(shards, clusters, seed=0, **kwargs)
    assert "\n" not in str(error.value)


def test_workers_without_ray_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False))
    with pytest.raises(UserError, match="needs a running Ray"):
        kmeans([cloud()], 3, seed=0, workers=2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_under_ray_a_worker_killed_in_the_middle_changes_no_byte(tmp_path, monkeypatch):
    from components.training.cluster import instance

    psutil = pytest.importorskip("psutil")
    shards = np.array_split(cloud(), 4)
    settings = {"clusters": 40, "iterations": 6, "seed": 2, "chunk": 250}
    whole, killed = kmeans(shards, **settings), []
    save = running.Run._save

    def kill_one(self, file):
        save(self, file)
        if self.done == 3:
            titles = {p.pid: " ".join(p.cmdline()) for p in psutil.Process().children(recursive=True)}
            killed.append(min(pid for pid, title in titles.items() if title.startswith("ray::Worker")))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(running.Run, "_save", kill_one)
    with instance("local", tmp_path):
        found = kmeans(shards, **settings, workers=2, cpus=0, folder=tmp_path / "state")
    assert len(killed) == 1
    assert same(found, whole)
