"""Cluster ids that stay the same from run to run: a new cluster takes the id of the old one that it
continues.

Source: Kuhn 1955 (the assignment problem), on cosines of centroids or on the samples that clusters share.
Letters: K old clusters, L new ones, D dimensions, N samples.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from components.errors import UserError


def match(old: NDArray[np.floating], new: NDArray[np.floating]) -> NDArray[np.int64]:
    """[L] the old cluster that each new one continues, -1 for a new one without; a permutation where K = L.

    The pairs are those with the largest sum of cosines: for centroids of one and the same feature space.

    Args:
        old, new: [K, D] and [L, D] centroids, of any length.

    Raises:
        UserError: not two sets of centroids of one dimension, or not finite.
    """
    if old.ndim != 2 or new.ndim != 2 or old.shape[1] != new.shape[1]:
        raise UserError(
            f"matching clusters needs centroids [K, D] and [L, D] of one D, got {old.shape} and {new.shape}"
        )
    cosines = _unit(new) @ _unit(old).T
    if not np.isfinite(cosines).all():
        raise UserError("matching clusters needs finite centroids, got NaN or infinity")
    return _partners(cosines)


def match_samples(old: ArrayLike, new: ArrayLike, old_clusters: int, new_clusters: int) -> NDArray[np.int64]:
    """As `match`, by the number of samples that two clusters share; pairs that share none are not made.

    Needs no common feature space: right after the encoder has been trained anew, too.

    Args:
        old, new: [N] clusters of the same samples, in [0, K) and [0, L).
    """
    a, b = np.asarray(old, dtype=np.int64), np.asarray(new, dtype=np.int64)
    churn(a, b)  # the same check, and the same message
    shared = np.bincount(b * old_clusters + a, minlength=new_clusters * old_clusters).reshape(
        new_clusters, old_clusters
    )
    partners = _partners(shared.astype(np.float64))
    matched = np.flatnonzero(partners >= 0)
    partners[matched[shared[matched, partners[matched]] == 0]] = -1
    return partners


def rename(
    partners: NDArray[np.int64], old_ids: NDArray[np.int64] | None = None, first_free: int | None = None
) -> NDArray[np.int64]:
    """[L] the id of each new cluster: of the old one that it continues, or the next that was never used.

    Args:
        partners: [L] of `match`. old_ids: [K] ids of the old ones, 0 to K - 1 unless given.
        first_free: the first id never used; one after the largest unless given.
    """
    ids = np.arange(int(partners.max(initial=-1)) + 1, dtype=np.int64) if old_ids is None else old_ids
    free = int(ids.max(initial=-1)) + 1 if first_free is None else first_free
    new = partners < 0
    out = np.empty(len(partners), dtype=np.int64)
    out[~new] = ids[partners[~new]]
    out[new] = free + np.arange(new.sum())
    return out


def churn(old: ArrayLike, new: ArrayLike) -> float:
    """Share of samples whose cluster id changed; both [N], of the same samples in the same order; 0 when N is
    0.

    Raises:
        UserError: the two differ in length.
    """
    a, b = np.asarray(old), np.asarray(new)
    if a.shape != b.shape or a.ndim != 1:
        raise UserError(f"churn needs two clusters a sample, got shapes {a.shape} and {b.shape}")
    return float((a != b).mean()) if len(a) else 0.0


def _partners(worth: NDArray[np.float64]) -> NDArray[np.int64]:
    mine, theirs = linear_sum_assignment(worth, maximize=True)
    partners = np.full(len(worth), -1, dtype=np.int64)
    partners[mine] = theirs
    return partners


def _unit(points: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = points.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(wide / np.where(lengths > 0, lengths, 1.0))
