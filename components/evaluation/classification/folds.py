"""Which labels are held out together when few labels must both teach and judge."""

import numpy as np

from components.arrays import Ints


def stratified_folds(labels: Ints, folds: int, seed: int) -> Ints:
    """[N] fold of each label, 0..folds-1; each class is spread over the folds as evenly as it goes.

    A pure function of labels, folds and seed. The classes start at different folds, so that fold sizes differ
    by little even when every class has fewer labels than there are folds.

    Raises:
        ValueError: folds < 2 or more folds than labels.
    """
    labels = np.asarray(labels)
    if not 2 <= folds <= len(labels):
        raise ValueError(f"between 2 folds and one a label ({len(labels)}) are needed, got {folds}")
    rng = np.random.default_rng(seed)
    fold = np.empty(len(labels), dtype=np.int64)
    start = 0
    for one in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == one))
        fold[rows] = (start + np.arange(len(rows))) % folds
        start += len(rows)
    return fold


def possible_folds(labels: Ints, wanted: int) -> int:
    """How many folds these labels allow: no more than the labels of the commonest class; 0 where none has
    two."""
    most = int(np.unique(np.asarray(labels), return_counts=True)[1].max(initial=0))
    return min(wanted, most) if most >= 2 else 0
