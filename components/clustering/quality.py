"""How well clusters agree with classes, and how evenly they are filled.

Sources: accuracy by Hungarian matching (Kuhn 1955; Yang et al. 2010); NMI with arithmetic mean (Strehl &
Ghosh 2002); ARI (Hubert & Arabie 1985); imbalance factor as in faiss.
Letters: N samples, K clusters, C classes, n_j samples in cluster j.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from components.errors import UserError


def contingency(assignment: ArrayLike, labels: ArrayLike) -> NDArray[np.int64]:
    """[K, C] how many samples of each class (column) each cluster (row) holds; absent ids get no row or
    column.

    Raises:
        UserError: the two are not one value a sample, or are empty.
    """
    a, b = np.asarray(assignment), np.asarray(labels)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise UserError(
            "lengths-differ",
            f"cluster quality needs one cluster and one label a sample, got shapes {a.shape} and {b.shape}",
        )
    _, rows = np.unique(a, return_inverse=True)
    names, columns = np.unique(b, return_inverse=True)
    flat = np.bincount(rows * len(names) + columns, minlength=(rows.max() + 1) * len(names))
    return flat.reshape(-1, len(names)).astype(np.int64)


def accuracy(assignment: ArrayLike, labels: ArrayLike) -> float:
    """Share of samples right under the best one-to-one naming of clusters; clusters beyond C count as
    wrong."""
    table = contingency(assignment, labels)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / table.sum())


def purity(assignment: ArrayLike, labels: ArrayLike) -> float:
    """Share of samples of the largest class of their cluster: the best many-to-one naming; 1 when K = N."""
    table = contingency(assignment, labels)
    return float(table.max(axis=1).sum() / table.sum())


def nmi(assignment: ArrayLike, labels: ArrayLike) -> float:
    """2 I(A; B) / (H(A) + H(B)), in [0, 1]; 1 when both are one single cluster."""
    contingency(assignment, labels)  # the same check, and the same message
    return float(normalized_mutual_info_score(labels, assignment, average_method="arithmetic"))


def ari(assignment: ArrayLike, labels: ArrayLike) -> float:
    """Rand index adjusted for chance: 0 in the mean for random clusters, 1 for equal ones."""
    contingency(assignment, labels)
    return float(adjusted_rand_score(labels, assignment))


def imbalance(assignment: ArrayLike, clusters: int) -> float:
    """K sum n_j^2 / N^2: 1 when all K clusters are equal, K when one holds all."""
    sizes = _sizes(assignment, clusters)
    return float(clusters * (sizes**2).sum() / sizes.sum() ** 2)


def _sizes(assignment: ArrayLike, clusters: int) -> NDArray[np.float64]:
    a = np.asarray(assignment, dtype=np.int64)
    if a.ndim != 1 or not len(a) or a.min() < 0 or a.max() >= clusters:
        raise UserError(
            "array-invalid",
            f"cluster sizes need assignments [N] in [0, {clusters}), got shape {a.shape}",
        )
    return np.bincount(a, minlength=clusters).astype(np.float64)
