"""How well clusters found without labels agree with the classes of the test samples.

Letters: M samples, D features, K clusters.
"""

import numpy as np

from components.arrays import Floats, Ints
from components.clustering import quality


def nearest(features: Floats, centroids: Floats, *, centre: Floats | None = None) -> Ints:
    """[M] the centroid of highest cosine; features [M, D], centroids [K, D], `centre` [D] taken off the
    features."""
    points = features if centre is None else features - centre
    norm = np.linalg.norm(centroids, axis=1, keepdims=True)
    return np.asarray((points @ (centroids / np.maximum(norm, 1e-12)).T).argmax(axis=1), dtype=np.int64)


def agreement(clusters: Ints, labels: Ints) -> dict[str, float]:
    """accuracy (best one-to-one naming), purity, nmi, ari of [M] clusters against [M] labels."""
    return {
        "accuracy": float(quality.accuracy(clusters, labels)),
        "purity": float(quality.purity(clusters, labels)),
        "nmi": float(quality.nmi(clusters, labels)),
        "ari": float(quality.ari(clusters, labels)),
    }
