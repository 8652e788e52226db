"""What to label next: the most typical sample of each group of like samples that has no label yet.

Source: Hacohen et al., Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets (ICML 2022,
arXiv:2202.02794), TypiClust: the samples are grouped anew for each round into as many groups as there will be labels,
and the most typical one of each group without a label is asked. Deviation: among these groups the paper takes the
largest first; here the ones first where the root of the size times the share of pseudo-labels that are expected to be
wrong is largest, which is the better order once a model answers, and the same as long as none does. docs/active.md
compares it with others.
Letters: N samples, D features, G groups.
"""

from dataclasses import dataclass

import numpy as np

from components.arrays import Bools, Doubles, Floats, Ints
from components.errors import UserError

MOST = 1 << 23  # distances at a time
GROUPS = 500  # at most, as in the source


@dataclass(frozen=True)
class Asking:
    """count: samples asked for. neighbours: that typicality is taken over. small: groups of so many samples or fewer
    come last. apart: distance of unit features under which two samples are the same to a person. tests: labelled
    test samples, up to which every third sample asked for is one for testing."""

    count: int = 50
    neighbours: int = 20
    small: int = 5
    apart: float = 0.05
    tests: int = 50


def groups_for(x: Floats, labelled: Bools, count: int) -> int:
    """How many groups of x [N, D] to make where `labelled` [N] have a label and `count` more are asked for; no more
    than there are different samples."""
    wanted = min(int(labelled.sum()) + count, GROUPS)
    return min(wanted, len(np.unique(x, axis=0)))


def typicality(x: Floats, group: Ints, neighbours: int = 20) -> Doubles:
    """[N] 1 / mean distance to the nearest neighbours in the same group, over the largest of the group: (0, 1].

    x: [N, D] of unit length. A sample alone in its group has 1.
    """
    out = np.ones(len(x))
    for name in np.unique(group):
        rows = np.flatnonzero(group == name)
        k = min(neighbours, len(rows) - 1)
        if not k:
            continue
        parts = np.array_split(rows, -(-(len(rows) ** 2) // MOST))
        means = np.concatenate([_nearest(x[part], x[rows], k) for part in parts])
        inverse = 1 / np.maximum(means, 1e-3)  # copies have no distance: they are no more than typical
        out[rows] = inverse / inverse.max()
    return out


def expected_gain(group: Ints, confidence: Doubles) -> Doubles:
    """[G] of the groups in order of their number: root of the size times the share expected to be wrong.

    Four samples of confidence .5 and one of 0: both 1.
    """
    _, place, size = np.unique(group, return_inverse=True, return_counts=True)
    wrong = 1 - np.bincount(place, weights=confidence) / size
    found: Doubles = np.sqrt(size) * wrong
    return found


def rank(x: Floats, group: Ints, confidence: Doubles, labelled: Bools, asking: Asking | None = None) -> Ints:
    """Positions of the samples to ask for, the best first; fewer than `count` where there are no more.

    A group that has been asked counts as one with a label: each is asked once before any is asked twice.

    Args:
        x: [N, D] features of unit length, of training samples. group: [N], of `groups_for` groups.
        confidence: [N] that the sample's pseudo-label is right, 0 to 1; 0 where there is none.
        labelled: [N] by a person: never asked, nor what looks the same.

    Raises:
        UserError: these differ in length.
    """
    asking = asking or Asking()
    if not len(x) == len(group) == len(confidence) == len(labelled):
        sizes = [len(x), len(group), len(confidence), len(labelled)]
        raise UserError(
            "lengths-differ",
            f"features, group, confidence and labelled of the same samples needed, got {sizes} rows",
        )
    if not len(x):
        return np.empty(0, dtype=np.int64)
    _, place, size = np.unique(group, return_inverse=True, return_counts=True)
    held, value = np.bincount(place, weights=labelled), expected_gain(group, confidence)
    typical, is_open = typicality(x, group, asking.neighbours), _unlike(x, labelled, asking.apart)
    chosen = list[int]()
    while len(chosen) < asking.count and is_open.any():
        left = np.flatnonzero(np.bincount(place, weights=is_open))
        first = left[np.lexsort((-value[left], held[left], size[left] <= asking.small))[0]]
        best = int(np.where(is_open & (place == first), typical, -1.0).argmax())
        chosen.append(best)
        held[first] += 1
        is_open &= x @ x[best] < _cosine(asking.apart)
        is_open[best] = False
    return np.array(chosen, dtype=np.int64)


def _unlike(x: Floats, labelled: Bools, apart: float) -> Bools:
    """[N] neither labelled nor the same to a person as one that is."""
    known, found = np.flatnonzero(labelled), ~labelled
    for start in range(0, len(known), 256):
        found &= (x @ x[known[start : start + 256]].T).max(axis=1, initial=-1) < _cosine(apart)
    return found


def _cosine(apart: float) -> float:
    """Of two unit features at that distance."""
    return 1 - apart**2 / 2


def _nearest(x: Floats, others: Floats, k: int) -> Doubles:
    """[n] mean distance of x [n, D] to its k nearest among `others`, which hold x too."""
    squares = np.maximum(2 - 2 * (x @ others.T).astype(np.float64), 0)
    near = np.sqrt(np.partition(squares, k, axis=1)[:, : k + 1])
    mean: Doubles = (near.sum(axis=1) - near.min(axis=1)) / k  # without the sample itself
    return mean
