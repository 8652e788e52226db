"""Ids of clusters that go on from run to run, so that a report can speak of cluster 7 twice.

Letters: K clusters.
"""

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.arrays import Ints
from components.clustering import matching
from components.clustering.kmeans import Clustering
from pipelines.engine.context import Context


def continued(
    previous: str | None, found: Clustering, ids: NDArray[np.str_], context: Context
) -> tuple[Ints, int, float | None]:
    """[K] the id of each cluster, the first id never used, churn. Clusters are matched by the samples they
    share."""
    k = len(found.centroids)
    if previous is None:
        return np.arange(k, dtype=np.int64), k, None
    before = context.output(previous)
    file = context.file(previous, before.pseudo_labels)
    table = pq.read_table(file, columns=["id", "cluster"])
    _, mine, theirs = np.intersect1d(
        ids, np.array(table["id"].to_pylist(), dtype=np.str_), return_indices=True
    )
    old_ids = np.array(before.cluster_ids, dtype=np.int64)
    old = table["cluster"].to_numpy()[theirs]
    partners = matching.match_samples(np.searchsorted(old_ids, old), found.assignment[mine], len(old_ids), k)
    renamed = matching.rename(partners, old_ids, before.next_cluster)
    churn = matching.churn(old, renamed[found.assignment[mine]]) if len(mine) else None
    return renamed, max(before.next_cluster, int(renamed.max()) + 1), churn
