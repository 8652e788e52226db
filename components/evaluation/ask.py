"""What to label next: typical and diverse samples of clusters that are uncertain or have no label at all.

Source: Hacohen et al., Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets (ICML 2022),
TypiClust: with few labels the typical samples of unlabelled clusters teach most, not the uncertain ones at the
borders. Here a sample's score is its cluster's uncertainty and weight times its typicality, and each sample that was
already chosen of a cluster divides what the others of it are worth: 1, 1/2, 1/3. docs/active.md compares it.
Letters: N samples, D features.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.errors import UserError

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]


MOST = 1 << 23  # distances at a time


@dataclass(frozen=True)
class Asking:
    """count: samples asked for. share: of them that one cluster may have, at least 1. neighbours: that typicality is
    taken over. apart: distance of unit features under which two samples are the same to a person."""

    count: int = 50
    share: float = 0.1
    neighbours: int = 20
    apart: float = 0.05


def typicality(x: Floats, cluster: Ints, neighbours: int = 20) -> Doubles:
    """[N] 1 / mean distance to the nearest neighbours in the same cluster, over the largest of the cluster: (0, 1].

    x: [N, D] of unit length. A sample alone in its cluster has 1.
    """
    out = np.ones(len(x))
    for name in np.unique(cluster):
        rows = np.flatnonzero(cluster == name)
        k = min(neighbours, len(rows) - 1)
        if not k:
            continue
        means = np.concatenate(
            [_nearest(x[part], x[rows], k) for part in np.array_split(rows, -(-(len(rows) ** 2) // MOST))]
        )
        inverse = 1 / np.maximum(
            means, 1e-3
        )  # copies of one sample have no distance: they are no more than typical
        out[rows] = inverse / inverse.max()
    return out


def uncertainty(cluster: Ints, confidence: Doubles, labelled: NDArray[np.bool_]) -> Doubles:
    """[N] of each sample's cluster: 1 where it holds no labelled sample, else 1 less the mean confidence."""
    names, place = np.unique(cluster, return_inverse=True)
    mean = np.bincount(place, weights=confidence, minlength=len(names)) / np.bincount(
        place, minlength=len(names)
    )
    held = np.bincount(place, weights=labelled, minlength=len(names)) > 0
    found: Doubles = np.where(held, 1 - mean, 1.0)[place]
    return found


def weight(cluster: Ints) -> Doubles:
    """[N] root of each sample's cluster's size, over the largest's: what one label there is about.

    Without it the clusters that have no label are all worth the same, and which come first is chance: with no label
    at all that costs 3 (Fashion-MNIST) to 8 points (digits) of accuracy after 20 labels.
    """
    _, place, size = np.unique(cluster, return_inverse=True, return_counts=True)
    found: Doubles = np.sqrt(size / size.max())[place]
    return found


def rank(
    x: Floats, cluster: Ints, confidence: Doubles, labelled: NDArray[np.bool_], asking: Asking | None = None
) -> Ints:
    """Positions of the samples to ask for, the best first; fewer than `count` where there are no more.

    Args:
        x: [N, D] features of unit length, of training samples. cluster: [N].
        confidence: [N] that the sample's pseudo-label is right, 0 to 1.
        labelled: [N] by a person: never asked, nor what looks the same.

    Raises:
        UserError: these differ in length.
    """
    asking = asking or Asking()
    if not len(x) == len(cluster) == len(confidence) == len(labelled):
        sizes = [len(x), len(cluster), len(confidence), len(labelled)]
        raise UserError(
            f"features, cluster, confidence and labelled of the same samples needed, got {sizes} rows"
        )
    if not len(x):
        return np.empty(0, dtype=np.int64)
    score = uncertainty(cluster, confidence, labelled) * weight(cluster)
    score *= typicality(x, cluster, asking.neighbours)
    known = np.flatnonzero(labelled)
    closest = 1 - asking.apart**2 / 2  # the cosine at that distance
    is_open = ~labelled
    for start in range(0, len(known), 256):
        is_open &= (x @ x[known[start : start + 256]].T).max(axis=1, initial=-1) < closest
    most = max(1, int(asking.share * asking.count))
    taken: dict[int, int] = {}
    worth, chosen = score.copy(), list[int]()
    while len(chosen) < asking.count and is_open.any():
        best = int(np.where(is_open, worth, -1.0).argmax())
        name = int(cluster[best])
        chosen.append(best)
        taken[name] = taken.get(name, 0) + 1
        is_open &= x @ x[best] < closest
        is_open[best] = False
        own = cluster == name
        if taken[name] == most:
            is_open &= ~own
        worth[own] = score[own] / (1 + taken[name])
    return np.array(chosen, dtype=np.int64)


def _nearest(x: Floats, others: Floats, k: int) -> Doubles:
    """[n] mean distance of x [n, D] to its k nearest among `others`, which hold x too."""
    squares = np.maximum(2 - 2 * (x @ others.T).astype(np.float64), 0)
    near = np.sqrt(np.partition(squares, k, axis=1)[:, : k + 1])
    mean: Doubles = (near.sum(axis=1) - near.min(axis=1)) / k  # without the sample itself
    return mean
