"""Is a classifier better than chance? What it has right beyond what its answers would have right anywhere.

Source: Cohen 1960, kappa = (po - pe) / (1 - pe): po the share right, pe the share that the same answers would have
right if they were dealt out at random. Always one class, or classes drawn by any shares: 0, however unequal the
classes are; all right: 1. Letters: K classes.
"""

import numpy as np
from numpy.typing import NDArray

from components.evaluation.classification.bootstrap import Interval, table_interval


def kappa(counts: NDArray[np.generic]) -> NDArray[np.float64]:
    """[..., K, K] confusion counts -> [...]; ((20, 5), (10, 15)): .4. 0 where one class is all there is."""
    total = counts.sum(axis=(-2, -1)).astype(np.float64)
    right = np.trace(counts, axis1=-2, axis2=-1) / total
    dealt = (counts.sum(axis=-1) * counts.sum(axis=-2)).sum(axis=-1) / total**2
    return np.asarray(np.divide(right - dealt, 1 - dealt, out=np.zeros_like(right), where=dealt < 1))


def kappa_interval(counts: NDArray[np.int64], *, resamples: int = 2000, seed: int = 0) -> Interval:
    """95 % interval from [K, K] confusion counts; one that does not lie above 0 is no better than chance."""
    return table_interval(kappa, counts, resamples=resamples, seed=seed)
