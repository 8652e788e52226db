"""Pseudo-labels as a table: a row a training sample."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.arrays import Ints
from pipelines.stages.pseudo_label.propagation import Named


def table(
    ids: NDArray[np.str_], rows: Ints, cluster: Ints, classes: list[str], named: Named | None
) -> pa.Table:
    n = len(rows)
    if named is None:
        nothing: list[Any] = [None] * n
        columns: tuple[Any, ...] = (nothing, np.zeros(n, np.float32), nothing, np.zeros(n, bool), [[]] * n)
    else:
        names = [classes[c] for c in named.predicted]
        columns = (
            names,
            named.confidence.astype(np.float32),
            named.source.tolist(),
            named.kept,
            list(named.probabilities),
        )
    return pa.table(
        {
            "id": pa.array(ids.tolist(), pa.string()),
            "row": pa.array(rows, pa.int64()),
            "class": pa.array(columns[0], pa.string()),
            "confidence": pa.array(columns[1], pa.float32()),
            "cluster": pa.array(cluster, pa.int64()),
            "source": pa.array(columns[2], pa.string()),
            "kept": pa.array(columns[3], pa.bool_()),
            "probabilities": pa.array(columns[4], pa.list_(pa.float32())),
        }
    )
