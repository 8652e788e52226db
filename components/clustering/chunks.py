"""Points a chunk at a time: which centroid each is nearest to, and the sums that new centroids are made of.

Whoever adds up the chunks' sums, and in whatever groups, gets the same bits: each is rounded to a grid so
fine that it costs nothing and so coarse that float64 adds multiples of it without any rounding, and an exact
sum does not depend on order. Memory: one chunk, and K x D.
Letters: N points in all, n points in a chunk, D dimensions, K clusters.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
from scipy import sparse

from components.arrays import Doubles, Floats, Ints
from components.clustering.kmeans import unit

Shard = Path | Floats  # [rows, D], in memory or a .npy file

_BLOCK = 4096  # rows at once: they stay in the processor's cache


def chunks_of(
    shard: Shard, size: int, spherical: bool, chosen: Ints | None = None
) -> Iterator[tuple[int, Floats]]:
    """(first row, [n, D] float32) of every chunk, or of the chosen ones; at unit length when spherical.

    A file is mapped anew for each chunk, so that no more than one lies in memory.
    """
    for number in range(count_chunks(shape_of(shard)[0], size)) if chosen is None else chosen.tolist():
        whole = np.load(shard, mmap_mode="r") if isinstance(shard, Path) else shard
        points = np.ascontiguousarray(whole[number * size : (number + 1) * size], dtype=np.float32)
        yield number * size, unit(points) if spherical else points


def shape_of(shard: Shard) -> tuple[int, ...]:
    return (np.load(shard, mmap_mode="r") if isinstance(shard, Path) else shard).shape


def count_chunks(rows: int, size: int) -> int:
    return -(-rows // size)


def searcher(centroids: Floats, spherical: bool) -> faiss.IndexFlat:
    """What `nearest` looks in: by cosine when spherical, else by distance."""
    index = (faiss.IndexFlatIP if spherical else faiss.IndexFlatL2)(centroids.shape[1])
    index.add(np.ascontiguousarray(centroids, dtype=np.float32))
    return index


def nearest(points: Floats, index: faiss.IndexFlat) -> Ints:
    """[n] int64: the centroid nearest to each point."""
    return np.asarray(index.search(points, 1)[1][:, 0], dtype=np.int64)


def sums_of(points: Floats, assignment: Ints, clusters: int) -> tuple[Doubles, Ints]:
    """[K, D] float64 sums of each cluster's points, in the order of the rows, and [K] how many they are.

    A block is summed in float32 and the blocks in float64, which is as exact as the points and takes half of
    the time of float64 throughout. Integers up to 4096 are summed exactly.
    """
    total, one = np.zeros((clusters, points.shape[1])), np.ones(min(_BLOCK, len(points)), np.float32)
    for low in range(0, len(points), _BLOCK):
        block = points[low : low + _BLOCK]
        members = (one[: len(block)], assignment[low : low + _BLOCK], np.arange(len(block) + 1))
        total += np.asarray(sparse.csc_array(members, shape=(clusters, len(block))) @ block)
    return total, np.bincount(assignment, minlength=clusters)


def grid(largest: float, rows: int) -> int:
    """The exponent e of the grid 2^e on which sums of `rows` numbers up to `largest` are exact in float64.

    -31 for a million numbers up to 1.
    """
    return math.frexp(largest)[1] + max(rows, 1).bit_length() + 1 - 53


def on_grid(sums: Doubles, exponent: int) -> Doubles:
    """The nearest multiples of 2^exponent."""
    return np.ldexp(np.rint(np.ldexp(sums, -exponent)), exponent)


def squared(points: Floats, centroids: Floats, assignment: Ints) -> Doubles:
    """[n] squared distance of each point to its centroid, of a difference in float32."""
    found = np.empty(len(points))
    for low in range(0, len(points), _BLOCK):
        rows = slice(low, low + _BLOCK)
        gap = points[rows] - centroids[assignment[rows]]
        found[rows] = np.einsum("nd,nd->n", gap, gap)
    return found


def split_empty(centroids: Floats, counts: Ints, rng: np.random.Generator) -> tuple[Floats, int]:
    """Centroids of which each empty one took half of a large cluster, and how many were empty.

    As in faiss: the large one is drawn with probability proportional to its size less one; both stand where
    it stood, moved apart by 1/1024 of every coordinate, in turn up and down.
    """
    centroids, counts = centroids.copy(), counts.copy()
    apart = np.where(np.arange(centroids.shape[1]) % 2 == 0, 1, -1) / np.float32(1024)
    empty = np.flatnonzero(counts == 0)
    for cluster in empty:
        chances = np.maximum(counts - 1, 0) / max(np.maximum(counts - 1, 0).sum(), 1)
        if not chances.any():
            break
        large = rng.choice(len(counts), p=chances)
        centroids[cluster], centroids[large] = centroids[large] * (1 + apart), centroids[large] * (1 - apart)
        counts[cluster] = counts[large] // 2
        counts[large] -= counts[cluster]
    return centroids, len(empty)
