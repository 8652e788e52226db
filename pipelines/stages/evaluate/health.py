"""What needs no labels: the health of the frozen features."""

import numpy as np
import torch
from numpy.typing import NDArray

from components.arrays import Ints
from components.evaluation.representation.diagnostics import health

POOL = 4096  # rows that are looked at


def some(rows: Ints, seed: int) -> Ints:
    """At most POOL of the rows, in order."""
    chosen = np.random.default_rng(seed).choice(rows, min(POOL, len(rows)), replace=False)
    return np.sort(chosen).astype(np.int64)


def health_of(features: NDArray[np.float32], train: Ints, seed: int) -> dict[str, float]:
    """features: [all, D]; train: rows for training. Nothing where there are fewer than two."""
    pool = np.asarray(features[some(train, seed)], dtype=np.float32)
    return health(torch.from_numpy(pool)) if len(train) > 1 else {}
