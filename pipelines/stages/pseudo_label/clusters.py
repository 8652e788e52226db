"""Clusters of the training rows' features: in memory where these fit, else where they lie, by chunks.

Features of one sign crowd into a cone; seen from their mean, cosines tell more. So both ways look from there.
Letters: N training rows, M of them in memory, D feature size, K clusters, n rows of a chunk.
"""

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from components.arrays import Floats, Ints
from components.clustering import distributed
from components.clustering import kmeans as km
from components.training.cluster import instance
from pipelines.settings import Settings
from pipelines.stages.pseudo_label.config import PseudoLabelConfig

EACH = 16  # rows a cluster that are picked at least
SHARD = 262_144  # rows of a file on disk; the same for any number of workers, as the result has to be
_CHUNK = 32_768  # rows in memory at once
MB = 1 << 20


@dataclass(frozen=True)
class Rows:
    """Training rows of mapped features, seen from their mean. features: [., D]. rows: [N]. centre: [D]."""

    features: Floats
    rows: Ints
    centre: Floats

    def chunks(self, at: slice = slice(None)) -> Iterator[Floats]:
        """[n, D] each, of all N rows or of a stretch of them."""
        rows = self.rows[at]
        for low in range(0, len(rows), _CHUNK):
            yield self.features[rows[low : low + _CHUNK]].astype(np.float32) - self.centre

    def taken(self, picked: Ints) -> Floats:
        """[M, D]: those at the places `picked`, which ascend."""
        return np.concatenate(list(replace(self, rows=self.rows[picked]).chunks()))


@dataclass(frozen=True)
class Clustered:
    """centre: [D] mean of the features. points: [M, D] features less centre of the rows at `picked` [M], all of
    them where these fit. rows: where they all are."""

    found: km.Clustering
    points: Floats
    picked: Ints
    rows: Rows


def cluster(
    features: Floats,
    rows: Ints,
    labelled: Ints,
    clusters: int,
    asked: PseudoLabelConfig,
    folder: Path,
    settings: Settings,
) -> Clustered:
    """The rows' clusters.

    Args:
        features: of all samples, [., D], mapped.
        labelled: places among the rows that are picked in any case.
        folder: has room for a copy of the rows, which is gone afterwards, and for the state of an interrupted
            run, which goes on from there.
    """
    centred = Rows(features, rows, np.zeros(features.shape[1], np.float32))
    total = sum(part.sum(axis=0, dtype=np.float64) for part in centred.chunks())
    centred = replace(centred, centre=np.asarray(total / len(rows), dtype=np.float32))
    room = int(asked.memory * MB) // (4 * features.shape[1])  # rows
    if len(rows) <= room:
        everything = np.arange(len(rows))
        train = centred.taken(everything)
        found = km.kmeans(
            train, clusters, restarts=asked.restarts, iterations=asked.iterations, seed=asked.seed
        )
        return Clustered(found, train, everything, centred)
    found = _where_they_lie(centred, clusters, asked, folder, settings)
    count = min(len(rows), max(room, EACH * clusters))
    others = np.setdiff1d(np.arange(len(rows)), labelled)
    drawn = np.random.default_rng([asked.seed, 1]).choice(
        others, min(max(count - len(labelled), 0), len(others)), replace=False
    )
    picked = np.sort(np.concatenate([labelled, drawn]))
    return Clustered(found, centred.taken(picked), picked, centred)


def _where_they_lie(
    centred: Rows, clusters: int, asked: PseudoLabelConfig, folder: Path, settings: Settings
) -> km.Clustering:
    copy, state = folder / "rows", folder / "kmeans"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    shards = []
    for low in range(0, len(centred.rows), SHARD):
        at = slice(low, min(low + SHARD, len(centred.rows)))
        shape = at.stop - low, len(centred.centre)
        shards.append(copy / f"{low}.npy")
        whole, done = np.lib.format.open_memmap(shards[-1], mode="w+", dtype=np.float32, shape=shape), 0
        for part in centred.chunks(at):
            whole[done : done + len(part)] = part
            done += len(part)
        whole.flush()
    with instance(settings.ray, settings.home) if settings.workers else nullcontext():
        found = distributed.kmeans(
            shards,
            clusters,
            restarts=asked.restarts,
            iterations=asked.iterations,
            seed=asked.seed,
            workers=settings.workers,
            folder=state,
        )
    for gone in (copy, state):
        shutil.rmtree(gone, ignore_errors=True)
    return found
