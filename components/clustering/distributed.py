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

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.arrays import Floats
from components.clustering.chunks import Shard, count_chunks, grid, shape_of
from components.clustering.draws import first_of, mini_batch, too_few
from components.clustering.kmeans import Clustering, unit
from components.clustering.run import Run
from components.clustering.workers import Ask, actors, distinct, here, merged
from components.errors import UserError


def kmeans(
    shards: Sequence[Shard],
    clusters: int,
    *,
    spherical: bool = True,
    restarts: int = 1,
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
    """The best of `restarts` runs over all shards by inertia; the same arguments but `workers`, `cpus` and
    `folder` give the same bytes. assignment: [N], shard after shard. Starts are those of `kmeans` in memory.

    Args:
        shards: [rows, D] each, finite; arrays, or .npy files that every worker can read.
        clusters: K, at most the number of distinct points.
        iterations: passes over all points; with `batch`, over a batch each. Ends early when nothing moves.
        start: [K, D] centroids to begin from, instead of k-means++ on a sample; then there is one run.
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
    _check(shapes, clusters, restarts, start)
    rows = [shape[0] for shape in shapes]
    count = min(workers, len(shards)) or 1
    held = [dict(list(enumerate(shards))[w::count]) for w in range(count)]
    settings = (chunk, spherical, threads)
    with actors(held, settings, cpus) if workers else here(held, settings) as ask:
        largest = _largest(ask, sum(rows))
        exponent = grid(1.0 if spherical else largest, max(sum(rows), batch * chunk * iterations))
        parts = [(s, c) for s, many in enumerate(rows) for c in range(count_chunks(many, chunk))]
        best: Clustering | None = None
        for restart in range(1 if start is not None else restarts):
            rng = np.random.default_rng([seed, restart])
            first = first_of(ask, rows, clusters, rng) if start is None else start.astype(np.float32)
            first = unit(first) if spherical else first
            same = [clusters, iterations, seed, batch, chunk, spherical, rows]
            file = folder / f"kmeans-{restart}.npz" if folder is not None else None
            run = Run(first, seed, spherical, same, file)
            while run.done < iterations and not run.still:
                chosen = mini_batch(parts, batch, seed, run.done, len(rows)) if batch else None
                run.move(ask("step", run.centroids, exponent, chosen), keep=bool(batch))
            found = _finished(ask, run, len(rows))
            if best is None or found.inertia < best.inertia:
                best = found
    assert best is not None
    return best


def _largest(ask: Ask, rows: int) -> float:
    """The largest magnitude of any coordinate.

    Raises:
        UserError: rows with NaN or infinity.
    """
    looked = merged(ask("look"))
    bad = sum(found[0] for found in looked.values())
    if bad:
        raise UserError(
            "values-not-finite",
            f"k-means needs finite points, got {bad} rows of {rows} with NaN or infinity; "
            "the encoder that made them has diverged: lower its learning rate",
        )
    return float(max(found[1] for found in looked.values()))


def _finished(ask: Ask, run: Run, shards: int) -> Clustering:
    """Every point's cluster; what is empty now is moved to the farthest points."""
    clusters = len(run.centroids)
    for _ in range(clusters + 1):
        found = merged(ask("assign", run.centroids))
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
    raise UserError("too-few-distinct-points", too_few(clusters))


def _check(shapes: list[tuple[int, ...]], clusters: int, restarts: int, start: Floats | None) -> None:
    if (
        not shapes
        or any(len(s) != 2 or s[1:] != shapes[0][1:] for s in shapes)
        or not sum(map(math.prod, shapes))
    ):
        raise UserError("array-invalid", f"k-means needs shards [rows, D] of one D, got shapes {shapes[:5]}")
    rows, wanted = sum(s[0] for s in shapes), (clusters, shapes[0][1])
    if not 1 <= clusters <= rows:
        raise UserError(
            "too-many-clusters", f"k-means needs 1 <= clusters <= points, got {clusters} for {rows} points"
        )
    if restarts < 1:
        raise UserError("value-out-of-range", f"k-means needs restarts >= 1, got {restarts}")
    if start is not None and (start.shape != wanted or not np.isfinite(start).all()):
        raise UserError("array-invalid", f"k-means needs finite start centroids {wanted}, got {start.shape}")
