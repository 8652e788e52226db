"""What a k-means over shards is at between two iterations: kept in a file, so that it goes on where it stopped.

Sources: Lloyd's iterations; Sculley 2010 (mini-batch: a centroid is the mean of all that was ever given to
it); faiss (an empty cluster takes half of a large one).
Letters: D dimensions, K clusters.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from components.arrays import Doubles, Floats, Ints
from components.clustering.chunks import split_empty
from components.clustering.kmeans import unit
from components.errors import UserError
from components.files import write_atomically

_NUMBERS = ("done", "repaired", "still")


class Run:
    """centroids: [K, D]. sums, counts: [K, D], [K] of the last iteration, or of all with mini-batches. done:
    iterations. still: nothing moved in the last one. same: what a run must share to go on from `file`."""

    def __init__(self, first: Floats, seed: int, spherical: bool, same: list[Any], file: Path | None) -> None:
        self.centroids, self.seed, self.spherical = first, seed, spherical
        self.sums, self.counts = np.zeros(first.shape), np.zeros(len(first), dtype=np.int64)
        self.done, self.repaired, self.still = 0, 0, False
        self.name = hashlib.sha256(json.dumps(same).encode() + first.tobytes()).hexdigest()
        self.file = file
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
                raise UserError(
                    "checkpoint-of-other-training",
                    f"{file} is the state of another k-means; give each a folder of its own",
                )
            self.centroids, self.sums, self.counts = (state[key] for key in ("centroids", "sums", "counts"))
            self.done, self.repaired, self.still = (state[key].item() for key in _NUMBERS)
