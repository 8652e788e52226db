"""k-means of a set too large for one machine's memory: shards stay where they are, centroids travel.

Each worker is a Ray actor that holds, or maps from a file, its own shards; a step sends it the centroids and
gets back sums and counts. The same bits come out for any number of workers: chunks are fixed stretches of
shards, and their sums add up exactly (`chunks`). A worker that dies is started again by Ray and asked again,
for what it answers depends on its shards and the question alone; the state is saved after every iteration, so
that a run whose driver died goes on from there.

Sources: Lloyd's iterations; Arthur & Vassilvitskii 2007 (k-means++ starts, here from a sample of rows);
Sculley 2010 (mini-batch: a centroid is the mean of all that was ever given to it); faiss (an empty cluster
takes half of a large one), and farthest points for clusters empty at the very end, as in `kmeans`.
Letters: N points, D dimensions, K clusters.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.clustering.chunks import (
    Doubles,
    Floats,
    Ints,
    Shard,
    count_chunks,
    grid,
    shape_of,
    split_empty,
)
from components.clustering.kmeans import Clustering, plus_plus, unit
from components.clustering.workers import Ask, actors, distinct, here
from components.errors import UserError
from components.files import write_atomically

_NUMBERS = ("done", "repaired", "still")


def kmeans(
    shards: Sequence[Shard],
    clusters: int,
    *,
    spherical: bool = True,
    iterations: int = 25,
    seed: int,
    start: Floats | None = None,
    batch: int = 0,
    workers: int = 0,
    cpus: float = 1.0,
    chunk: int = 32_768,
    folder: Path | None = None,
    threads: int = 1,
) -> Clustering:
    """One run of k-means over all shards; the same arguments but `workers`, `cpus` and `folder` give the same
    bytes. assignment: [N], shard after shard.

    Args:
        shards: [rows, D] each, finite; arrays, or .npy files that every worker can read.
        clusters: K, at most the number of distinct points.
        iterations: passes over all points; with `batch`, over a batch each. Ends early when nothing moves.
        start: [K, D] centroids to begin from, instead of k-means++ on a sample.
        batch: chunks in a mini-batch, drawn without repeating one until all had their turn; 0: all.
        workers: Ray actors, no more than shards, in the Ray that is running; 0: in this process.
        cpus: what each actor takes of Ray's.
        chunk: rows handled at once: bounds the memory.
        folder: where the state is kept; a run that was stopped goes on from there.

    Raises:
        UserError: points that are not [N, D] or not finite, K < 1 or above the number of distinct points, a
        wrong start, no Ray, or a folder with the state of another run.
        ray.exceptions.ActorDiedError: a worker died more often than RESTARTS.
    """
    shapes = [shape_of(shard) for shard in shards]
    _check(shapes, clusters, start)
    rows = [shape[0] for shape in shapes]
    count = min(workers, len(shards)) or 1
    held = [dict(list(enumerate(shards))[w::count]) for w in range(count)]
    settings = (chunk, spherical, threads)
    with actors(held, settings, cpus) if workers else here(held, settings) as ask:
        looked = _merged(ask("look"))
        bad = sum(found[0] for found in looked.values())
        if bad:
            raise UserError(
                f"k-means needs finite points, got {bad} rows of {sum(rows)} with NaN or infinity; "
                "the encoder that made them has diverged: lower its learning rate"
            )
        first = _first(ask, rows, clusters, seed) if start is None else start.astype(np.float32)
        first = unit(first) if spherical else first
        visited = max(sum(rows), batch * chunk * iterations)
        largest = 1.0 if spherical else max(found[1] for found in looked.values())
        exponent = grid(largest, visited)
        run = _Run(
            first, seed, spherical, [clusters, iterations, seed, batch, chunk, spherical, rows], folder
        )
        parts = [(s, c) for s, many in enumerate(rows) for c in range(count_chunks(many, chunk))]
        while run.done < iterations and not run.still:
            chosen = _chosen(parts, batch, seed, run.done, len(rows)) if batch else None
            run.move(ask("step", run.centroids, exponent, chosen), keep=bool(batch))
        return _finished(ask, run, len(rows))


class _Run:
    """What a run is at between two iterations."""

    def __init__(
        self, first: Floats, seed: int, spherical: bool, same: list[Any], folder: Path | None
    ) -> None:
        self.centroids, self.seed, self.spherical = first, seed, spherical
        self.sums, self.counts = np.zeros(first.shape), np.zeros(len(first), dtype=np.int64)
        self.done, self.repaired, self.still = 0, 0, False
        name = hashlib.sha256(json.dumps(same).encode() + first.tobytes()).hexdigest()
        self.name, self.file = name, folder / "kmeans.npz" if folder is not None else None
        if self.file is not None and self.file.exists():
            self._load(self.file)

    def move(self, answers: list[tuple[Doubles, Ints]], keep: bool) -> None:
        """One iteration: the workers' sums -> centroids. keep: the sums of all iterations count."""
        before = self.centroids
        self.sums = sum((sums for sums, _ in answers), self.sums if keep else np.zeros(before.shape))
        self.counts = sum((many for _, many in answers), self.counts if keep else np.zeros_like(self.counts))
        filled = self.counts > 0
        self.centroids = before.copy()
        self.centroids[filled] = self.sums[filled] / self.counts[filled, None]
        if not keep and not filled.all():
            rng = np.random.default_rng([self.seed, self.done])
            self.centroids, empty = split_empty(self.centroids, self.counts, rng)
            self.repaired += empty
        if self.spherical:
            self.centroids = unit(self.centroids)
        self.still = not keep and np.array_equal(before, self.centroids)
        self.done += 1
        if self.file is not None:
            self._save(self.file)

    def _save(self, file: Path) -> None:
        state = {key: getattr(self, key) for key in ("name", "centroids", "sums", "counts", *_NUMBERS)}
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, lambda stream: np.savez(stream, **state))

    def _load(self, file: Path) -> None:
        with np.load(file) as state:
            if str(state["name"]) != self.name:
                raise UserError(f"{file} is the state of another k-means; give each a folder of its own")
            self.centroids, self.sums, self.counts = (state[key] for key in ("centroids", "sums", "counts"))
            self.done, self.repaired, self.still = (state[key].item() for key in _NUMBERS)


def _first(ask: Ask, rows: list[int], clusters: int, seed: int) -> Floats:
    """[K, D]: k-means++ on a sample of max(16 K, 8192) points."""
    size, rng = max(16 * clusters, 8192), np.random.default_rng(seed)
    everything = sum(rows)
    picked = (
        np.arange(everything) if everything <= size else np.sort(rng.choice(everything, size, replace=False))
    )
    ends = np.cumsum(rows)
    wanted = {
        s: own - (ends[s] - rows[s])
        for s, own in enumerate(np.split(picked, np.searchsorted(picked, ends)[:-1]))
    }
    taken = _merged(ask("take", wanted))
    sample = np.concatenate([taken[s] for s in range(len(rows))])
    if everything <= size and len(np.unique(sample, axis=0)) < clusters:
        raise UserError(_too_few(clusters))
    return plus_plus(sample, clusters, rng)


def _chosen(parts: list[tuple[int, int]], batch: int, seed: int, done: int, shards: int) -> dict[int, Ints]:
    """shard -> chunks of the mini-batch after `done` others; every chunk has its turn before one has two."""
    picked = []
    for turn in range(done * batch, (done + 1) * batch):
        order = np.random.default_rng([seed, 1, turn // len(parts)]).permutation(len(parts))
        picked.append(parts[order[turn % len(parts)]])
    return {s: np.array(sorted(c for own, c in picked if own == s), dtype=np.int64) for s in range(shards)}


def _finished(ask: Ask, run: _Run, shards: int) -> Clustering:
    """Every point's cluster; what is empty now is moved to the farthest points."""
    clusters = len(run.centroids)
    for _ in range(clusters + 1):
        found = _merged(ask("assign", run.centroids))
        assignment = np.concatenate([found[s][0] for s in range(shards)])
        counts = np.bincount(assignment, minlength=clusters)
        empty = np.flatnonzero(counts == 0)
        if not len(empty):
            inertia = math.fsum(part for s in range(shards) for part in found[s][1])
            return Clustering(run.centroids, assignment, inertia, run.repaired)
        each = ask("farthest", run.centroids, counts, len(empty))
        points = distinct((item for own in each for item in own), len(empty))
        if len(points) < len(empty):
            break
        run.centroids = run.centroids.copy()
        run.centroids[empty] = [point for *_, point in points]
        run.repaired += len(empty)
    raise UserError(_too_few(clusters))


def _merged(answers: list[dict[int, Any]]) -> dict[int, Any]:
    return {shard: found for own in answers for shard, found in own.items()}


def _too_few(clusters: int) -> str:
    return (
        f"k-means needs as many distinct points as clusters, got fewer than {clusters}; ask for fewer, or look "
        "whether the features have collapsed"
    )


def _check(shapes: list[tuple[int, ...]], clusters: int, start: Floats | None) -> None:
    if (
        not shapes
        or any(len(s) != 2 or s[1:] != shapes[0][1:] for s in shapes)
        or not sum(map(math.prod, shapes))
    ):
        raise UserError(f"k-means needs shards [rows, D] of one D, got shapes {shapes[:5]}")
    rows, wanted = sum(s[0] for s in shapes), (clusters, shapes[0][1])
    if not 1 <= clusters <= rows:
        raise UserError(f"k-means needs 1 <= clusters <= points, got {clusters} for {rows} points")
    if start is not None and (start.shape != wanted or not np.isfinite(start).all()):
        raise UserError(f"k-means needs finite start centroids {wanted}, got {start.shape}")
