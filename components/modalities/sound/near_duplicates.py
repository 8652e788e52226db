"""Near-duplicates: one recording saved again, in another format or with other compression, or louder.

Two sounds are near-duplicates if their frames, over the length of the shorter one, correlate by SIMILAR or more and one
is not shorter than LENGTH times the other. Compared are the NEIGHBOURS nearest in the course of their level over time,
which a copy shares, so that cost stays near N log N. A copy that begins elsewhere, or at another speed, is not found.
Letters: N sounds, n frames of a sound.
"""

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from components.arrays import Floats, Ints
from components.modalities.sound.packed import Frames, PackedSounds

SIMILAR = 0.9  # correlation of two near-duplicates; of a scene and its MP3 of 23 kbit/s it was .991
LENGTH = 0.98
CELLS, FLOOR, TOLERANCE = (
    12,
    -20.0,
    3.0,
)  # of the course of the level; dB below its peak that count; dB between copies
NEIGHBOURS = 8


def groups(packed: PackedSounds) -> Ints:
    """The group of each sound: [N] row of its first member; a sound without near-duplicates is its own.

    Groups are connected: a sound that resembles two others joins them.
    """
    parent, seen, courses = np.arange(len(packed), dtype=np.int64), dict[bytes, int](), list[Floats]()
    for row in range(len(packed)):
        frames = packed.row(row)
        parent[row] = seen.setdefault(hashlib.blake2b(frames.tobytes(), digest_size=16).digest(), row)
        courses.append(course(frames))
    alone = np.flatnonzero(parent == np.arange(len(parent)))
    for one, other in _near(packed, alone, np.array(courses)[alone]):
        low, high = sorted((_root(parent, one), _root(parent, other)))
        parent[high] = low
    return np.array([_root(parent, row) for row in range(len(parent))], dtype=np.int64)


def course(frames: Frames) -> Floats:
    """[C, n] -> [CELLS] level of each twelfth of a sound in dB below the loudest one, FLOOR at least."""
    power = np.square(frames.mean(axis=0, dtype=np.float32))
    edges = np.linspace(0, len(power), CELLS + 1).astype(int)
    sums = np.array([power[a:b].mean() if b > a else 0 for a, b in pairwise(edges)])
    level = 10 * np.log10(np.maximum(sums, 1e-6))
    found: Floats = np.maximum(level - level.max(), FLOOR).astype(np.float32)
    return found


def similarity(a: Frames, b: Frames) -> float:
    """Correlation of two sounds [C, n] over the length of the shorter one; 0 where one is much shorter. 1 of copies at
    another level."""
    size = min(a.shape[1], b.shape[1])
    if size < LENGTH * max(a.shape[1], b.shape[1]):
        return 0.0
    one, other = (x[:, :size].astype(np.float64) for x in (a, b))
    one, other = (x - x.mean() for x in (one, other))
    scale = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum()) / scale if scale > 0 else 0.0


def _near(packed: PackedSounds, rows: Ints, courses: Floats) -> Iterator[tuple[int, int]]:
    """Pairs of rows that are near-duplicates and not equal. courses: of these rows."""
    from scipy.spatial import cKDTree  # 0.2 s that only a snapshot needs

    if len(rows) < 2:
        return
    near, which = cKDTree(courses).query(
        courses, k=min(NEIGHBOURS + 1, len(rows)), p=np.inf, distance_upper_bound=TOLERANCE
    )
    for here, (distances, others) in enumerate(zip(np.asarray(near), np.asarray(which), strict=True)):
        for there in others[np.isfinite(distances)].tolist():
            one, other = int(rows[here]), int(rows[there])
            if there > here and similarity(packed.row(one), packed.row(other)) >= SIMILAR:
                yield one, other


def _root(parent: Ints, row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = int(parent[row])
    return row
