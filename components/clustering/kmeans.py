"""k-means, Euclidean or spherical: k-means++ starts, several of them, Lloyd iterations by faiss, no empty
cluster.

Sources: Arthur & Vassilvitskii 2007 (k-means++, the greedy form with 2 + log K trials); Dhillon & Modha 2001
(spherical: points and centroids on the unit sphere); faiss Clustering (an empty cluster takes half of a large
one). Differs from faiss: every point is used, k-means++ starts, and clusters empty at the very end are
repaired too.
Letters: N points, D dimensions, K clusters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from components.arrays import Floats, Ints
from components.errors import UserError

_CHUNK = 65_536  # rows handled at once: bounds the memory beside the points themselves


@dataclass(frozen=True)
class Clustering:
    """centroids: [K, D], unit length when spherical. assignment: [N] in [0, K), each cluster used at least
    once. inertia: sum over points of the squared distance to their centroid (spherical: sum of 2 - 2 cos).
    repaired: how often an empty cluster was given points in the run that was kept."""

    centroids: Floats
    assignment: Ints
    inertia: float
    repaired: int


def kmeans(
    points: Floats,
    clusters: int,
    *,
    spherical: bool = True,
    restarts: int = 3,
    iterations: int = 25,
    seed: int,
    start: Floats | None = None,
    threads: int = 1,
) -> Clustering:
    """The best of `restarts` runs by inertia; the same arguments give the same bytes.

    Args:
        points: [N, D] finite; brought to unit length first when spherical (a zero row stays zero).
        clusters: K, at most the number of distinct points.
        iterations: of Lloyd; with 0 the starts themselves are the centroids.
        start: [K, D] centroids to continue from; then there is one run and `restarts` is not used.
        threads: sums in another order round differently: a fixed count keeps the bytes.

    Raises:
        UserError: points not [N, D] or not finite, K < 1, K above N or the number of distinct points, wrong
        start.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    _check(points, clusters, restarts, start)
    if spherical:
        points = unit(points)
        _check_distinct(points, clusters)
        start = None if start is None else unit(start)
    else:
        _check_distinct(points, clusters)
    best: Clustering | None = None
    with pinned(threads):
        for restart in range(1 if start is not None else restarts):
            rng = np.random.default_rng([seed, restart])
            first = plus_plus(points, clusters, rng) if start is None else np.asarray(start, dtype=np.float32)
            run = _lloyd(points, first, spherical, iterations, int(rng.integers(2**31)))
            if best is None or run.inertia < best.inertia:
                best = run
    assert best is not None
    return best


def plus_plus(points: Floats, clusters: int, rng: np.random.Generator) -> Floats:
    """[K, D] of the points, each drawn with probability proportional to its squared distance from those
    before it.

    Draws from a sample of max(16 K, 8192) points: starts need not see every point, Lloyd does.
    """
    size = max(16 * clusters, 8192)
    sample = points if len(points) <= size else points[np.sort(rng.choice(len(points), size, replace=False))]
    if len(sample) < len(points) and _distinct(sample, clusters) < clusters:
        sample = points  # mostly copies: the distinct ones lie outside the sample
    squares = np.einsum("nd,nd->n", sample, sample, dtype=np.float64)
    trials = 2 + int(np.log(clusters))

    def distances(to: Ints) -> NDArray[np.float64]:
        return np.asarray(np.maximum(squares + squares[to, None] - 2.0 * (sample[to] @ sample.T), 0.0))

    chosen = [int(rng.integers(len(sample)))]
    far = distances(np.array(chosen))[0]
    for _ in range(1, clusters):
        far[(sample == sample[chosen[-1]]).all(axis=1)] = 0.0  # rounding must not let a copy be drawn
        total = far.sum()
        if total > 0:
            draws = np.searchsorted(np.cumsum(far), rng.random(trials) * total, side="right")
        else:
            draws = rng.integers(len(sample), size=trials)
        draws = np.minimum(draws, len(sample) - 1)
        options = np.minimum(far, distances(draws))
        best = int(options.sum(axis=1).argmin())
        chosen.append(int(draws[best]))
        far = options[best]
    return sample[chosen].copy()


def unit(points: Floats) -> Floats:
    """Rows at length 1; a zero row stays zero."""
    points = np.asarray(points, dtype=np.float32)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.ascontiguousarray(points / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """faiss on `threads` threads, and as before afterwards."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _lloyd(points: Floats, first: Floats, spherical: bool, iterations: int, seed: int) -> Clustering:
    centroids, splits = np.array(first, dtype=np.float32, order="C"), 0
    if iterations and len(first) < len(points):
        engine = faiss.Kmeans(
            points.shape[1],
            len(first),
            niter=iterations,
            spherical=spherical,
            seed=seed,
            min_points_per_centroid=1,
            max_points_per_centroid=len(points),  # faiss would take 256 a centroid
        )
        engine.train(points, init_centroids=centroids)
        centroids = np.array(engine.centroids, dtype=np.float32).reshape(first.shape)
        splits = sum(int(s["nsplit"]) for s in engine.iteration_stats or ())
    assignment = _assign(points, centroids, spherical)
    moved = 0
    for _ in range(len(centroids)):
        empty = np.flatnonzero(np.bincount(assignment, minlength=len(centroids)) == 0)
        if not len(empty):
            break
        centroids[empty] = points[_farthest(points, centroids, assignment, len(empty))]
        moved += len(empty)
        assignment = _assign(points, centroids, spherical)
    return Clustering(
        centroids, assignment, float(_squared(points, centroids, assignment).sum()), splits + moved
    )


def _farthest(points: Floats, centroids: Floats, assignment: Ints, count: int) -> Ints:
    """`count` distinct points, the farthest from their centroids first, none of them alone in its cluster."""
    alone = np.bincount(assignment, minlength=len(centroids))[assignment] == 1
    far = np.where(alone, -1.0, _squared(points, centroids, assignment))
    order = np.argsort(-far, kind="stable")
    _, firsts = np.unique(points[order[: max(64, 8 * count)]], axis=0, return_index=True)
    return order[np.sort(firsts)[:count]].astype(np.int64) if len(firsts) >= count else order[:count]


def _squared(points: Floats, centroids: Floats, assignment: Ints) -> NDArray[np.float64]:
    out = np.empty(len(points))
    for low in range(0, len(points), _CHUNK):
        rows = slice(low, low + _CHUNK)
        gap = points[rows].astype(np.float64) - centroids[assignment[rows]]
        out[rows] = np.einsum("nd,nd->n", gap, gap)
    return out


def _assign(points: Floats, centroids: Floats, spherical: bool) -> Ints:
    centroids = np.ascontiguousarray(centroids, dtype=np.float32)
    index = (faiss.IndexFlatIP if spherical else faiss.IndexFlatL2)(points.shape[1])
    index.add(centroids)
    return np.asarray(index.search(points, 1)[1][:, 0], dtype=np.int64)


def _distinct(points: Floats, enough: int) -> int:
    """Number of distinct rows, or any number >= enough once that is sure. A projection settles most cases
    cheaply."""
    line = np.random.default_rng(0).standard_normal((points.shape[1], 1)).astype(np.float32)
    seen = len(np.unique(points @ line))
    return seen if seen >= enough else len(np.unique(points, axis=0))


def _check(points: Floats, clusters: int, restarts: int, start: Floats | None) -> None:
    if points.ndim != 2 or not points.size:
        raise UserError("array-invalid", f"k-means needs points [N, D], got shape {points.shape}")
    finite = np.isfinite(points.sum(axis=1, dtype=np.float64))
    if not finite.all():
        raise UserError(
            "values-not-finite",
            f"k-means needs finite points, got {int((~finite).sum())} rows of {len(points)} with NaN or "
            "infinity; the encoder that made them has diverged: lower its learning rate",
        )
    if clusters < 1 or restarts < 1:
        raise UserError(
            "value-out-of-range",
            f"k-means needs clusters >= 1 and restarts >= 1, got {clusters} and {restarts}",
        )
    if clusters > len(points):
        raise UserError(
            "too-many-clusters",
            f"k-means needs clusters <= points, got {clusters} for {len(points)} points; ask for fewer",
        )
    if start is not None and (start.shape != (clusters, points.shape[1]) or not np.isfinite(start).all()):
        raise UserError(
            "array-invalid",
            f"k-means needs finite start centroids {(clusters, points.shape[1])}, got {start.shape}",
        )


def _check_distinct(points: Floats, clusters: int) -> None:
    distinct = _distinct(points, clusters)
    if distinct < clusters:
        raise UserError(
            "too-few-distinct-points",
            f"k-means needs as many distinct points as clusters, got {distinct} distinct of {len(points)} "
            f"for {clusters} clusters; ask for fewer, or look whether the features have collapsed",
        )
