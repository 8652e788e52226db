"""Cluster ids that stay the same from run to run: a new cluster takes the id of the old one that it
continues.

Source: Kuhn 1955 (the assignment problem), on the samples that clusters share.
Letters: K old clusters, L new ones, N samples.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from components.errors import UserError


def match_samples(old: ArrayLike, new: ArrayLike, old_clusters: int, new_clusters: int) -> NDArray[np.int64]:
    """[L] the old cluster that each new one continues, -1 for a new one without.

    The pairs are those that share the most samples in all; pairs that share none are not made. Needs no
    common feature space: right after the encoder has been trained anew, too.

    Args:
        old, new: [N] clusters of the same samples, in [0, K) and [0, L).

    Raises:
        UserError: the two differ in length.
    """
    a, b = np.asarray(old, dtype=np.int64), np.asarray(new, dtype=np.int64)
    churn(a, b)  # the same check, and the same message
    shared = np.bincount(b * old_clusters + a, minlength=new_clusters * old_clusters).reshape(
        new_clusters, old_clusters
    )
    mine, theirs = linear_sum_assignment(shared, maximize=True)
    partners = np.full(new_clusters, -1, dtype=np.int64)
    partners[mine] = np.where(shared[mine, theirs] > 0, theirs, -1)
    return partners


def rename(
    partners: NDArray[np.int64], old_ids: NDArray[np.int64] | None = None, first_free: int | None = None
) -> NDArray[np.int64]:
    """[L] the id of each new cluster: of the old one that it continues, or the next that was never used.

    Args:
        partners: [L] of `match_samples`. old_ids: [K] ids of the old ones, 0 to K - 1 unless given.
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
        raise UserError(
            "lengths-differ", f"churn needs two clusters a sample, got shapes {a.shape} and {b.shape}"
        )
    return float((a != b).mean()) if len(a) else 0.0
