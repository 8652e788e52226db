"""Near-duplicates: rows that are equal but for columns that were left out and noise in the last digits of numbers.

Two rows are near-duplicates where every cell of the packed array agrees: missing in both, the same category or whole
number, or numbers that differ by at most TOLERANCE of the column's spread (5 to 95 %). Rows of a few common values
agree by chance; so the values that agree must be so rare together that less than one pair in SPARE = 10 further bits
would be expected in the whole table, were its columns independent. A table that has no such rows is not searched.

Rows are sorted by a hash of their cells of two grids, shifted against each other by half a cell, and compared with the
first ones of the same hash. Cells are so wide that one grid parts a pair that is at the tolerance in all columns with a
probability of 1/8 at most, both part it with 1/64; equal rows are never parted. A row joins the first row of a group
only where it agrees with it, so that values which change slowly from row to row make no chain.

Cost: two passes over the array and 32 bytes a row; a twentieth of packing (docs/log.md).
Letters: N rows, F features, m rows of the sample, p pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Bools, Doubles, Floats, Ints

TOLERANCE = 0.001  # of a column's spread
WIDTH = 8  # cells of the grids: tolerances wide, times the number of columns with noise
SPARE = 10  # bits beyond the 2 log2(N) with which one pair would be expected
SAMPLE = 4_000  # rows from which spread and frequency of values are found
SEARCHED = 0.01  # share of the sample's rows that must be rare enough for a search
ROUNDS = 3  # rows of a hash that are compared with the others
CHUNK = 1 << 19  # cells read at a time
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Columns:
    """What is known of the features from m rows of the table.

    noisy: [F] whether a feature holds other than whole numbers. low: [F] the 5 % quantile. tolerance: [F], 0 where a
    feature is whole. values: F sorted arrays of what is there.
    """

    noisy: Bools
    low: Doubles
    tolerance: Doubles
    values: list[Floats]

    def bits(self, rows: Floats) -> Doubles:
        """[n, F] -> [n] minus the binary logarithms of how frequent the values of a row are, summed; what is missing
        counts as frequent. Where a value is .25 of a column, that is 2 bits.
        """
        total = np.zeros(len(rows))
        for place, known in enumerate(self.values):
            if not len(known):
                continue
            column, near = rows[:, place].astype(np.float64), self.tolerance[place]
            here = np.searchsorted(known, column + near, "right") - np.searchsorted(known, column - near)
            share = np.maximum(here, 1) / len(known)
            total -= np.where(np.isnan(column), 0.0, np.log2(np.minimum(share, 1.0)))
        return total


def groups(rows: Floats) -> Ints | None:
    """The group of each row: [N] the first row of it; a row without near-duplicates is its own.

    rows: float32 [N, F], NaN is missing. None: the rows have too little in them to tell copies from others.
    """
    if len(rows) < 2:
        return None
    columns = _columns(rows)
    needed = 2 * np.log2(len(rows)) + SPARE
    if np.quantile(columns.bits(_sample(rows)), 1 - SEARCHED) < needed:
        return None
    first = np.arange(len(rows), dtype=np.int64)
    for keys in _keys(rows, columns):
        for one, others in _candidates(keys):
            root = first[one]
            for part in _parts(len(others), rows.shape[1]):
                a, b = np.asarray(rows[root[part]]), np.asarray(rows[others[part]])
                same = _agree(a, b, columns) & (columns.bits(a) >= needed) & (root[part] < others[part])
                moved = others[part][same]
                first[moved] = np.minimum(first[moved], root[part][same])
    while (first[first] != first).any():  # a group's first row has joined another one
        first = first[first]
    return first


def _sample(rows: Floats) -> Floats:
    """[m, F], evenly spaced."""
    places = np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(np.int64)
    return np.asarray(rows[places])


def _columns(rows: Floats) -> Columns:
    there = [column[~np.isnan(column)] for column in _sample(rows).T]
    noisy = np.array([bool((column != np.round(column)).any()) for column in there])
    ends = [np.quantile(column, (0.05, 0.95)) if len(column) else (0.0, 0.0) for column in there]
    low, high = np.array(ends, dtype=np.float64).reshape(-1, 2).T
    tolerance = np.where(noisy, TOLERANCE * (high - low), 0.0)
    return Columns(noisy, low, tolerance, [np.sort(column) for column in there])


def _keys(rows: Floats, columns: Columns) -> Iterator[Hashes]:
    """[N] hashes of each grid."""
    spread = np.flatnonzero(columns.tolerance > 0)
    exact = np.flatnonzero(columns.tolerance == 0)
    width = WIDTH * max(1, len(spread)) * columns.tolerance[spread]
    random = np.random.default_rng(0)
    odd = 2 * random.integers(0, 2**63, (rows.shape[1],), dtype=np.uint64) + 1
    for shift in (0.0, 0.5):
        found = np.empty(len(rows), np.uint64)
        for part in _parts(len(rows), rows.shape[1]):
            chunk = np.asarray(rows[part])
            cells = np.floor((chunk[:, spread] - columns.low[spread]) / width + shift)
            whole = np.nan_to_num(cells, nan=-(2.0**62)).clip(-(2.0**62), 2.0**62).astype(np.int64)
            # +0.0 makes one zero of two; all missing values have the same bits
            values = np.where(np.isnan(chunk[:, exact]), np.float32(np.nan), chunk[:, exact] + np.float32(0))
            total = whole.view(np.uint64) @ odd[spread]
            found[part] = total + values.view(np.uint32).astype(np.uint64) @ odd[exact]
        yield found
        if not len(spread):
            return


def _candidates(keys: Hashes) -> Iterator[tuple[Ints, Ints]]:
    """[p] rows and [p] later rows with the same key: the first of each key with all others, then the second ..."""
    order = np.argsort(keys, kind="stable")
    for _ in range(ROUNDS):
        values = keys[order]
        begins = np.append(True, values[1:] != values[:-1])
        if begins.all():
            return
        lead = order[begins][np.cumsum(begins) - 1]
        yield lead[~begins], order[~begins]
        order = order[~begins]


def _agree(a: Floats, b: Floats, columns: Columns) -> Bools:
    """[p] whether every cell of two rows [p, F] agrees."""
    gone = np.isnan(a)
    apart = np.abs(a.astype(np.float64) - b)
    return np.asarray(((gone & np.isnan(b)) | (apart <= columns.tolerance)).all(axis=1))


def _parts(total: int, width: int) -> Iterator[slice]:
    step = max(1, CHUNK // max(1, width))
    for start in range(0, total, step):
        yield slice(start, start + step)
