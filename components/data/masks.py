"""A mask, the class of each pixel of an image, as text: so labels, corrections and their history hold masks as they
hold words.

The text is canonical, one for each mask: height and width, then runs of equal classes along the rows from the top left,
each as class*length. A mask of 2 x 3 pixels, all 0 but the last two, which are 4: "2x3 0*4 4*2".
Letters: H, W height and width in pixels, S side of a packed image.
"""

import re

import numpy as np

from components.arrays import Pixels

IGNORE = 255  # of a pixel of which nobody says what it is
MOST = 89_000_000  # pixels: as many as an image may have
SHAPE = re.compile(r"([1-9]\d{0,8})x([1-9]\d{0,8})")
RUN = re.compile(r"(0|[1-9]\d{0,2})\*([1-9]\d{0,8})")


def to_text(mask: Pixels) -> str:
    """uint8 [H, W] -> its text."""
    flat = mask.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths = np.diff(np.append(starts, len(flat)))
    runs = (f"{c}*{n}" for c, n in zip(flat[starts].tolist(), lengths.tolist(), strict=True))
    return " ".join([f"{mask.shape[0]}x{mask.shape[1]}", *runs])


def size_of(text: str) -> tuple[int, int]:
    """Height and width of the mask that a text describes; its runs are not looked at.

    Raises:
        ValueError: it does not begin as such a text; one line.
    """
    found = SHAPE.fullmatch(text.partition(" ")[0])
    if found is None:
        raise ValueError(
            f"a mask is required (as a file in masks/, or as text such as '2x3 0*4 4*2'), got {text[:40]!r}"
        )
    height, width = int(found[1]), int(found[2])
    if height * width > MOST:
        raise ValueError(f"a mask may have {MOST:,} pixels, got {height} x {width}")
    return height, width


def from_text(text: str) -> Pixels:
    """The mask uint8 [H, W] of a text.

    Raises:
        ValueError: the text is malformed, its runs are not of H * W pixels, a class is above 255, or another text of
            the same mask is the canonical one; one line.
    """
    height, width = size_of(text)
    runs = list[tuple[int, int]]()
    for run in text.split(" ")[1:]:
        found = RUN.fullmatch(run)
        if found is None or int(found[1]) > IGNORE:
            raise ValueError(f"runs of a mask are class*length, the class 0 to {IGNORE}, got {run[:40]!r}")
        if runs and runs[-1][0] == int(found[1]):
            raise ValueError(f"neighbouring runs of a mask must differ in class, got {found[1]} twice")
        runs.append((int(found[1]), int(found[2])))
    total = sum(length for _, length in runs)
    if total != height * width:
        raise ValueError(f"a mask of {height} x {width} needs runs of {height * width} pixels, got {total}")
    classes, lengths = np.array(runs, dtype=np.int64).T
    return np.repeat(classes.astype(np.uint8), lengths).reshape(height, width)


def classes_in(mask: Pixels) -> list[int]:
    """The classes in a mask, ascending, without IGNORE."""
    found: list[int] = np.unique(mask[mask != IGNORE]).tolist()
    return found


def fitted(mask: Pixels, side: int) -> Pixels:
    """[H, W] -> [S, S]: the centre square by nearest neighbours, as components.modalities.image.pack.fitted cuts and
    resizes the image that it belongs to."""
    height, width = mask.shape
    if (height, width) == (side, side):
        return mask
    square = min(height, width)
    steps = (np.arange(side) + 0.5) * square / side
    rows = np.floor((height - square) / 2 + steps).astype(np.int64)
    columns = np.floor((width - square) / 2 + steps).astype(np.int64)
    found: Pixels = mask[rows[:, None], columns[None, :]]
    return found
