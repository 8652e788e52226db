"""Near-duplicates: texts that share most of their runs of three tokens, such as one mail sent to many.

Source: MinHash (Broder 1997, doi:10.1109/SEQUEN.1997.666900) with bands (Leskovec, Rajaraman & Ullman, Mining of
Massive Datasets, section 3.4): of a text, BANDS times ROWS smallest hashes over its runs; texts that agree on a band
are candidates, and are compared by the Jaccard index of their runs. A pair at the threshold is found with a
probability of 1 - (1 - .8^4)^8 = .985; equal texts always. Each candidate is compared with the first text of its
bucket alone, so that cost stays near N, whatever the texts.
Letters: N texts, n tokens of a text.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from components.arrays import Ints
from components.modalities.text.packed import PackedTexts, Tokens

SIMILAR = 0.8  # Jaccard index of two near-duplicates
RUN = 3  # tokens
BANDS, ROWS = 8, 4
CHUNK = 1 << 18  # tokens at a time
Hashes = NDArray[np.uint64]


def groups(packed: PackedTexts) -> Ints:
    """The group of each text: [N] row of its first member; a text without near-duplicates is its own.

    Groups are connected: a text that resembles two others joins them.
    """
    parent = np.arange(len(packed), dtype=np.int64)
    keys = np.concatenate([_keys(part) for part in _chunks(packed)]) if len(packed) else np.empty((0, BANDS))
    for band in range(keys.shape[1]):
        order = np.argsort(keys[:, band], kind="stable")
        values = keys[order, band]
        begins = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
        sizes = np.diff(np.append(begins, len(values)))
        for begin, size in zip(begins[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
            first, *others = order[begin : begin + size].tolist()
            for other in others:
                low, high = sorted((_root(parent, first), _root(parent, other)))
                if low != high and similarity(packed.row(first), packed.row(other)) >= SIMILAR:
                    parent[high] = low
    return np.array([_root(parent, row) for row in range(len(packed))], dtype=np.int64)


def similarity(a: Tokens, b: Tokens) -> float:
    """Jaccard index of the runs of two texts. 1 2 3 4 and 1 2 3 5: runs 123 234 and 123 235, so 1/3."""
    one, other = ({tuple(run) for run in _runs(text.astype(np.int64)).tolist()} for text in (a, b))
    return len(one & other) / len(one | other)


def _runs(text: Ints) -> Ints:
    """[n - RUN + 1, RUN], one at least: of a shorter text, padded with 0."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(text, (0, max(0, RUN - len(text)))), RUN)


def _chunks(packed: PackedTexts) -> Iterator[list[Tokens]]:
    """All texts in order, about CHUNK tokens at a time."""
    part, size = list[Tokens](), 0
    for place in packed.rows.tolist():
        part.append(packed.row(place))
        size += len(part[-1])
        if size >= CHUNK:
            yield part
            part, size = [], 0
    if part:
        yield part


def _keys(texts: list[Tokens]) -> Hashes:
    """[len(texts), BANDS]: what two texts must have in common to be compared."""
    runs = [_runs(text.astype(np.int64)) for text in texts]
    begins = np.cumsum([0, *(len(run) for run in runs[:-1])])
    flat = np.concatenate(runs).astype(np.uint64)
    hashes = np.zeros(len(flat), np.uint64)
    for column in range(RUN):
        hashes = _mixed(hashes + flat[:, column])
    keys = np.zeros((len(texts), BANDS), np.uint64)
    for number in range(BANDS * ROWS):
        smallest = np.minimum.reduceat(_mixed(hashes + np.uint64(number + 1)), begins)
        keys[:, number // ROWS] = _mixed(keys[:, number // ROWS] + smallest)
    return keys


def _mixed(x: Hashes) -> Hashes:
    """splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _root(parent: Ints, row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = int(parent[row])
    return row
