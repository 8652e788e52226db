"""Who does the work of a k-means on many shards: workers in this process, or Ray actors that are started again
when they die.

Letters: D dimensions, K clusters.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from components.arrays import Doubles, Floats, Ints
from components.clustering.chunks import (
    Shard,
    chunks_of,
    nearest,
    on_grid,
    searcher,
    shape_of,
    squared,
    sums_of,
)
from components.clustering.kmeans import pinned
from components.errors import UserError

RESTARTS = 3  # of an actor, before its death is the run's
Ask = Callable[..., list[Any]]  # (method of Worker, its arguments) -> every worker's answer, in order
Far = tuple[float, int, int, Floats]  # squared distance, shard, row, the point


class Worker:
    """Some of the shards, by number. Every answer depends on these and on the arguments alone."""

    def __init__(self, shards: dict[int, Shard], chunk: int, spherical: bool, threads: int) -> None:
        self.shards, self.chunk, self.spherical, self.threads = shards, chunk, spherical, threads

    def look(self) -> dict[int, tuple[int, float]]:
        """shard -> (rows that are not finite, largest absolute number)."""
        found = {}
        for number, shard in self.shards.items():
            bad, largest = 0, 0.0
            for _, points in chunks_of(shard, self.chunk, spherical=False):
                most = max(float(points.max()), -float(points.min()))
                if not math.isfinite(most):
                    bad += int((~np.isfinite(points).all(axis=1)).sum())
                largest = max(largest, most)
            found[number] = bad, largest
        return found

    def take(self, rows: dict[int, Ints]) -> dict[int, Floats]:
        """shard -> the points in the rows asked for, which ascend."""
        found = {}
        for number, shard in self.shards.items():
            own, parts = rows[number] // self.chunk, [np.zeros((0, shape_of(shard)[1]), np.float32)]
            for low, points in chunks_of(shard, self.chunk, self.spherical, np.unique(own)):
                parts.append(points[rows[number][own == low // self.chunk] - low])
            found[number] = np.concatenate(parts)
        return found

    def step(self, centroids: Floats, exponent: int, chosen: dict[int, Ints] | None) -> tuple[Doubles, Ints]:
        """([K, D] sums on the grid, [K] counts) of all chunks, or of the chosen ones of each shard."""
        sums, counts = np.zeros(centroids.shape), np.zeros(len(centroids), dtype=np.int64)
        index = searcher(centroids, self.spherical)
        with pinned(self.threads):
            for number, shard in self.shards.items():
                which = None if chosen is None else chosen[number]
                for _, points in chunks_of(shard, self.chunk, self.spherical, which):
                    own, many = sums_of(points, nearest(points, index), len(centroids))
                    sums += on_grid(own, exponent)
                    counts += many
        return sums, counts

    def assign(self, centroids: Floats) -> dict[int, tuple[Ints, list[float]]]:
        """shard -> ([rows] clusters, inertia of each chunk)."""
        found, index = {}, searcher(centroids, self.spherical)
        with pinned(self.threads):
            for number, shard in self.shards.items():
                parts, inertia = [np.zeros(0, dtype=np.int64)], []
                for _, points in chunks_of(shard, self.chunk, self.spherical):
                    parts.append(nearest(points, index))
                    inertia.append(float(squared(points, centroids, parts[-1]).sum()))
                found[number] = np.concatenate(parts), inertia
        return found

    def farthest(self, centroids: Floats, counts: Ints, count: int) -> list[Far]:
        """The `count` distinct points farthest from their centroids; none that is alone in its cluster, or
        where its centroid is."""
        best: list[Far] = []
        index = searcher(centroids, self.spherical)
        with pinned(self.threads):
            for number, shard in self.shards.items():
                for low, points in chunks_of(shard, self.chunk, self.spherical):
                    own = nearest(points, index)
                    far = np.where(counts[own] == 1, 0.0, squared(points, centroids, own))
                    order = np.argsort(-far, kind="stable")
                    here = ((float(far[i]), number, low + int(i), points[i]) for i in order if far[i] > 0)
                    best = distinct([*best, *distinct(here, count)], count)
        return best


def merged(answers: list[dict[int, Any]]) -> dict[int, Any]:
    """shard -> answer, of all workers."""
    return {shard: found for own in answers for shard, found in own.items()}


def distinct(points: Iterable[Far], count: int) -> list[Far]:
    """The `count` farthest whose points differ; of equally far ones those of the lower shard and row."""
    found: dict[bytes, Far] = {}
    for item in sorted(points, key=lambda far: (-far[0], far[1], far[2])):
        if len(found) == count:
            break
        found.setdefault(item[3].tobytes(), item)
    return list(found.values())


@contextmanager
def here(held: list[dict[int, Shard]], settings: tuple[Any, ...]) -> Iterator[Ask]:
    """Workers in this process, one after the other. held: each one's shards."""
    workers = [Worker(own, *settings) for own in held]
    yield lambda method, *given: [getattr(worker, method)(*given) for worker in workers]


@contextmanager
def actors(held: list[dict[int, Shard]], settings: tuple[Any, ...], cpus: float) -> Iterator[Ask]:
    """Workers as actors of the Ray that is running; one that dies is started again, and asked again.

    Raises:
        UserError: no Ray is running.
    """
    import ray

    if not ray.is_initialized():
        raise UserError(
            "ray-unavailable", "k-means on workers needs a running Ray; start one, or set workers to 0"
        )
    kind = ray.remote(Worker).options(num_cpus=cpus, max_restarts=RESTARTS, max_task_retries=RESTARTS)
    workers = [kind.remote(own, *settings) for own in held]

    def ask(method: str, *given: Any) -> list[Any]:
        sent = [ray.put(value) for value in given]  # once, not once for each worker
        return list(ray.get([getattr(worker, method).remote(*sent) for worker in workers]))

    try:
        yield ask
    finally:
        for worker in workers:
            ray.kill(worker)
