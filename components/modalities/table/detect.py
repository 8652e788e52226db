"""Rows as numbers for detectors of anomalies: each column says how usual its value is, or what it is.

Letters: M rows, N numeric and C categorical features.
"""

import numpy as np

from components.arrays import Doubles, Floats
from components.modalities.table.config import QUANTILES, TablePacking


def columns_for_detection(rows: Floats, packing: TablePacking) -> Doubles:
    """[M, F] packed rows -> [M, N + C] float64 without gaps.

    A number is itself, the median of the training samples where it is missing. A category is -ln of its share of the
    training samples (of one sample more than there are, so that one that was never seen counts once): what is rare is
    far out, whatever its name. A missing category is one like any other.
    """
    rows = np.asarray(rows, dtype=np.float64)
    out = np.empty((len(rows), len(packing.features)))
    for column, place in enumerate(packing.numeric):
        middle = packing.features[place].quantiles[QUANTILES // 2]
        out[:, column] = np.where(np.isnan(rows[:, place]), middle, rows[:, place])
    for column, place in enumerate(packing.categorical, start=len(packing.numeric)):
        counts = np.asarray(packing.features[place].counts, dtype=np.float64)
        codes = np.nan_to_num(rows[:, place], nan=0.0).astype(np.int64)
        known = (codes >= 0) & (codes < len(counts))
        seen = np.where(known, np.maximum(counts[np.where(known, codes, 0)], 1), 1)
        out[:, column] = -np.log(seen / (counts.sum() + 1))
    return out
