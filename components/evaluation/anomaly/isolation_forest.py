"""Isolation forest: what random splits separate early is unlike the rest.

Source: Liu, Ting & Zhou 2008 (doi:10.1109/ICDM.2008.17): trees on 256 samples each, a random feature and a random value
between its extremes at each node, at most ceil(log2 256) splits; algorithms 1 to 3 and equation 2.
Letters: N samples, M queries, D features, T trees, n samples of a tree, V nodes of a tree.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles, Ints
from components.evaluation.anomaly.inputs import finite

Floats = NDArray[np.floating]

CHUNK = 4096  # queries at a time
EULER = 0.5772156649015329


def average_path(n: int) -> float:
    """c(n), the mean length of an unsuccessful search in a binary tree of n samples: 0 for 1, 1 for 2, 10.24 for 256.

    Source: equation 1 of the paper, with H(i) = ln i + Euler's constant, and 1 for two samples as in scikit-learn.
    """
    if n <= 1:
        return 0.0
    if n == 2:
        return 1.0
    return 2 * (math.log(n - 1) + EULER) - 2 * (n - 1) / n


@dataclass(frozen=True)
class IsolationForest:
    """Trees side by side, each padded to V nodes.

    feature, left, right: [T, V] int64; a leaf is its own left and right. threshold: [T, V]; left where the value is not
    larger. length: [T, V] the path to a leaf, with c(n) for the samples that it still holds. samples: n.
    """

    feature: Ints
    threshold: Doubles
    left: Ints
    right: Ints
    length: Doubles
    samples: int

    def scores(self, x: Floats) -> Doubles:
        """[M, D] -> [M] in (0, 1): 2^(-mean path / c(n)); .5 where paths are as long as on average, near 1 for what is
        separated at once."""
        trees, depth = np.arange(len(self.feature)), math.ceil(math.log2(max(2, self.samples)))
        found = []
        for start in range(0, len(x), CHUNK):
            part = np.asarray(x[start : start + CHUNK], dtype=np.float64)
            rows, node = np.arange(len(part))[:, None], np.zeros((len(part), len(trees)), dtype=np.int64)
            for _ in range(depth):
                smaller = part[rows, self.feature[trees, node]] <= self.threshold[trees, node]
                node = np.where(smaller, self.left[trees, node], self.right[trees, node])
            found.append(self.length[trees, node].mean(axis=1))
        mean = np.concatenate(found) if found else np.empty(0)
        return np.asarray(2.0 ** (-mean / max(average_path(self.samples), 1e-12)))


def fit_isolation_forest(
    x: Floats, *, trees: int = 100, samples: int = 256, seed: int = 0
) -> IsolationForest:
    """From [N, D].

    trees, samples: as published.

    Raises:
        UserError: fewer than two samples, or values that are not finite.
    """
    points = finite(x, "an isolation forest")
    samples, random = min(samples, len(points)), np.random.default_rng(seed)
    grown = [
        _grow(
            points[random.choice(len(points), samples, replace=False)],
            random,
            math.ceil(math.log2(max(2, samples))),
        )
        for _ in range(trees)
    ]
    nodes = max(len(tree[0]) for tree in grown)

    feature, threshold, left, right, length = (
        np.stack([np.pad(np.asarray(tree[place]), (0, nodes - len(tree[place]))) for tree in grown])
        for place in range(5)
    )
    return IsolationForest(feature, threshold, left, right, length, samples)


def _grow(
    x: Doubles, random: np.random.Generator, limit: int
) -> tuple[list[int], list[float], list[int], list[int], list[float]]:
    """One tree: feature, threshold, left, right and path length of each node; node 0 is the root."""
    feature, threshold, left, right, length = [0], [0.0], [0], [0], [0.0]
    waiting = [(0, np.arange(len(x)), 0)]
    while waiting:
        node, rows, depth = waiting.pop()
        low, high = x[rows].min(axis=0), x[rows].max(axis=0)
        varying = np.flatnonzero(high > low)
        if depth == limit or not len(varying):
            left[node] = right[node] = node
            length[node] = depth + average_path(len(rows))
            continue
        column = int(random.choice(varying))
        cut = float(random.uniform(low[column], high[column]))
        if cut >= high[column]:  # rounding
            cut = float(low[column])
        smaller = x[rows, column] <= cut
        feature[node], threshold[node] = column, cut
        left[node], right[node] = len(feature), len(feature) + 1
        for side in (smaller, ~smaller):
            waiting.append((len(feature), rows[side], depth + 1))
            feature.append(0)
            threshold.append(0.0)
            left.append(0)
            right.append(0)
            length.append(0.0)
    return feature, threshold, left, right, length
