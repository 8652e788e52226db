"""What needs no classifier: how the clusters agree with the test labels, and which samples lie far from all of them.

Letters: M test samples, D features.
"""

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.arrays import Ints
from components.data.table import Table
from components.evaluation.representation.clusters import agreement, nearest
from pipelines.engine.context import Context
from pipelines.stages.evaluate import beyond_accuracy


def clusters(
    reference: str, features: NDArray[np.float32], labels: Ints, classes: list[str], context: Context
) -> dict[str, float]:
    """Agreement of the clusters nearest to the test samples' features [M, D] with their labels [M].

    reference: of the pseudo-labels.
    """
    pseudo = context.output(reference)
    centroids = np.load(context.file(reference, pseudo.centroids))
    centre = np.load(context.file(reference, pseudo.centre))
    row = nearest(features, centroids, centre=centre)
    found = agreement(row, labels)
    if pseudo.named:
        by_id = [pseudo.cluster_class[str(name)] for name in pseudo.cluster_ids]
        given = np.array([classes.index(name) if name is not None else -1 for name in by_id])
        found["named"] = float((given[row] == labels).mean())
    return found


def outliers(
    reference: str,
    features: NDArray[np.float32],
    test: Ints,
    table: Table,
    context: Context,
    *,
    rate: float,
    seed: int,
) -> beyond_accuracy.OutlierFigures | None:
    """Groups are pseudo-labels where the clusters have a class, else the clusters."""
    pseudo = context.output(reference)
    given = pq.read_table(context.file(reference, pseudo.pseudo_labels))
    group = np.array(given["class" if pseudo.named else "cluster"].to_pylist())
    return beyond_accuracy.outlier_figures(
        features, given["row"].to_numpy(), group, test, table.ids, rate=rate, seed=seed
    )
