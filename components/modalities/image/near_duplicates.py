"""Near-duplicates: samples that show the same image, saved again (other compression, metadata or size).

Two samples are near-duplicates if their packed pixels are equal, or if, in grey and averaged over a grid of at most
16 x 16 cells, no cell differs by more than TOLERANCE grey levels. An image with little contrast is compared exactly:
there the tolerance would cover real differences.

Measured (docs/log.md, "Near-duplicates"): of 28,000 Fashion-MNIST images 3 pairs are found, each the same photograph;
of 1,797 digits, enlarged to 32 x 32, none. Of copies saved as PNG, WebP, or JPEG of quality 75 or more at the size of
training, at least 98 % are found; of stronger compression and other sizes 9 to 100 %; mirrored or cropped ones are not.

Cost: one pass over the array, then a k-d tree over averages of 3 x 3 cells: 2 s for 28,000 images of 28 x 28, and near
N log N; at worst (40,000 noisy images of one scene) 13 s. Candidates are the NEIGHBOURS nearest within the tolerance,
which bounds memory; copies are the nearest.

Letters: N samples, C channels, S side in pixels, G x G cells of a grid.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from components.arrays import Floats, Ints

Images = np.ndarray[Any, np.dtype[Any]]
Levels = Callable[[Images], Images]

TOLERANCE = 12.0  # grey levels of 255
CONTRAST = 4 * TOLERANCE  # between the darkest and the brightest cell; below it, only equal pixels count
CELLS, COARSE = 16, 3  # cells on a side: of the comparison, and of the search for candidates
NEIGHBOURS = 8
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
CHUNK = 32 << 20  # bytes read at a time


def groups(images: Images, levels: Levels = lambda images: images) -> Ints:
    """The group of each sample: [N] row of its first member; a sample without near-duplicates is its own.

    Groups are connected: a sample that resembles two others joins them.

    images: [N, C, S, S]. levels: gives rows of them in grey levels from 0 to 255; of uint8 they are themselves.
    """
    parent = np.arange(len(images), dtype=np.int64)
    first, coarse = _exact(images, levels)
    parent[:] = first
    alone = np.flatnonzero(first == np.arange(len(images)))
    for one, other in _near(images, alone, coarse[alone], levels):
        low, high = sorted((_root(parent, one), _root(parent, other)))
        parent[high] = low
    return np.array([_root(parent, row) for row in range(len(images))], dtype=np.int64)


def cells(images: Images, side: int) -> Floats:
    """Grey images averaged over at most side x side cells: [B, C, S, S] -> float32 [B, G, G]. Grey is the luma of three
    channels, the mean of any other number.

    Cells are equal squares; those of the last row and column may be narrower.
    """
    colour = images.shape[1] == 3
    grey = (
        np.einsum("c,bchw->bhw", LUMA, images, dtype=np.float32)
        if colour
        else images.mean(axis=1, dtype=np.float32)
    )
    size = grey.shape[-1]
    step = -(-size // side)
    edges = np.arange(0, size, step)
    width = np.diff(np.append(edges, size)).astype(np.float32)
    sums = np.add.reduceat(np.add.reduceat(grey, edges, axis=2), edges, axis=1)
    averages: Floats = sums / (width[:, None] * width)
    return averages


def _exact(images: Images, levels: Levels) -> tuple[Ints, Floats]:
    """[N] the first row with the same pixels, and [N, COARSE^2] the averages to search by, in one pass."""
    seen: dict[bytes, int] = {}
    first, coarse = np.arange(len(images), dtype=np.int64), list[Floats]()
    for rows in _chunks(np.arange(len(images), dtype=np.int64), images):
        part = images[rows]
        coarse.append(cells(levels(part), COARSE).reshape(len(part), -1))
        for row, pixels in zip(rows.tolist(), part, strict=True):
            first[row] = seen.setdefault(hashlib.blake2b(pixels.tobytes(), digest_size=16).digest(), row)
    return first, np.concatenate(coarse) if coarse else np.empty((0, 1), np.float32)


def _near(images: Images, rows: Ints, coarse: Floats, levels: Levels) -> Iterator[tuple[int, int]]:
    """Pairs of rows that are near-duplicates and not equal. coarse: of these rows."""
    from scipy.spatial import cKDTree  # 0.2 s that only a snapshot needs

    if len(rows) < 2:
        return
    near, which = cKDTree(coarse).query(
        coarse, k=min(NEIGHBOURS + 1, len(rows)), p=np.inf, distance_upper_bound=TOLERANCE
    )
    which = np.asarray(which)
    here = np.broadcast_to(np.arange(len(rows))[:, None], which.shape)
    found = np.isfinite(near) & (here < np.where(np.isfinite(near), which, -1))
    one, other = rows[here[found]], rows[which[found]]
    for part in _chunks(np.arange(len(one), dtype=np.int64), images):
        a, b = (cells(levels(images[rows[part]]), CELLS) for rows in (one, other))
        contrast = np.minimum(np.ptp(a, axis=(1, 2)), np.ptp(b, axis=(1, 2)))
        same = (np.abs(a - b).max(axis=(1, 2)) <= TOLERANCE) & (contrast >= CONTRAST)
        yield from zip(one[part][same].tolist(), other[part][same].tolist(), strict=True)


def _chunks(rows: Ints, images: Images) -> Iterator[Ints]:
    step = max(1, CHUNK // max(1, images[:1].nbytes))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _root(parent: Ints, row: int) -> int:
    """The first member of a row's group; shortens the way there."""
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = int(parent[row])
    return row
