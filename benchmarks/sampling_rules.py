"""Rules for what to label next, to be compared with the one that is used (components.evaluation.labels.acquisition).

Sources: margin, Scheffer et al. 2001; core-set, Sener & Savarese 2018 (arXiv:1708.00489), algorithm 1 (k-centre
greedy); TypiClust, Hacohen et al. 2022 (arXiv:2202.02794), section 3; Cluster-Margin, Citovsky et al. 2021
(arXiv:2107.14263), algorithm 2. Deviation: clusters come from k-means, those of TypiClust of as many clusters as there
will be labels, those of Cluster-Margin of a fixed number in place of average linkage.
Letters: N samples, D features, K classes, B samples asked for.
"""

import numpy as np

from components.arrays import Bools, Doubles, Floats, Ints
from components.errors import UserError
from components.evaluation.labels.acquisition import Asking, rank


def at_random(labelled: Bools, count: int, seed: int) -> Ints:
    """[B] of the samples without a label."""
    return np.random.default_rng(seed).permutation(_open(labelled, count))[:count]


def margins(p: Doubles) -> Doubles:
    """[N, K] -> [N] the likeliest class less the second: 0 where the model cannot decide."""
    top = np.partition(p, -2, axis=1)[:, -2:]
    found: Doubles = top[:, 1] - top[:, 0]
    return found


def uncertain(p: Doubles, labelled: Bools, count: int) -> Ints:
    """[B] of the smallest margins."""
    rows = _open(labelled, count)
    return rows[np.argsort(margins(p[rows]), kind="stable")[:count]]


def core_set(x: Floats, labelled: Bools, count: int, seed: int = 0) -> Ints:
    """[B] each the farthest from all labelled and chosen so far; x [N, D]. Without any label the first is random."""
    chosen = list[int]()
    nearest = np.full(len(x), np.inf)
    for known in np.flatnonzero(labelled):
        nearest = np.minimum(nearest, _squares(x, int(known)))
    rows = _open(labelled, count)
    while len(chosen) < count:
        first = not chosen and not labelled.any()
        best = int(np.random.default_rng(seed).choice(rows)) if first else int(rows[nearest[rows].argmax()])
        chosen.append(best)
        nearest = np.minimum(nearest, _squares(x, best))
        nearest[best] = -np.inf  # not twice, where all are copies
    return np.array(chosen, dtype=np.int64)


def typical(x: Floats, cluster: Ints, labelled: Bools, count: int, *, small: int = 5) -> Ints:
    """[B] the most typical sample of each of the largest clusters without a label: as published, so that what a model
    answers plays no part.

    Clusters with fewest labels come first, among those the largest; those of `small` samples or fewer last.
    x: [N, D] unit features; cluster: [N], with at least as many clusters as there are labels and B together.
    """
    _open(labelled, count)
    return rank(x, cluster, np.zeros(len(x)), labelled, Asking(count=count, small=small, apart=0.0))


def cluster_margin(p: Doubles, cluster: Ints, labelled: Bools, count: int, *, pool: int = 10) -> Ints:
    """[B] of the pool * B smallest margins, one from each cluster in turn, clusters of few of them first."""
    near = uncertain(p, labelled, min(pool * count, int((~labelled).sum())))
    _open(labelled, count)
    names, size = np.unique(cluster[near], return_counts=True)
    queues = [near[cluster[near] == n].tolist() for n in names[np.lexsort((names, size))]]
    chosen = list[int]()
    while len(chosen) < count:
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(int(queue.pop(0)))
    return np.array(chosen, dtype=np.int64)


def _open(labelled: Bools, count: int) -> Ints:
    rows = np.flatnonzero(~labelled)
    if not 1 <= count <= len(rows):
        raise UserError(
            "value-out-of-range",
            f"between 1 and {len(rows)} samples can be asked for, got {count}; the others have labels",
        )
    return rows.astype(np.int64)


def _squares(x: Floats, row: int) -> Doubles:
    found: Doubles = ((x - x[row]).astype(np.float64) ** 2).sum(axis=1)
    return found
