"""Packed sounds in use: batches of frames out of memory-mapped arrays.

Letters: N sounds in the file, M rows in use, B sounds of a batch, C channels, T frames of a view, n frames of a sound.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from components.arrays import Ints
from components.data.packed import Packed, Pages

if TYPE_CHECKING:
    from torch import Tensor

FRAMES, OFFSETS = "frames", "offsets"
GAP = -32768  # behind the end of a sound; no packed frame has this value
PAGE = 4096
Frames = np.ndarray[Any, np.dtype[np.int16]]


class PackedSounds(Packed):
    """frames: int16 [sum of n, C], all sounds one after another. offsets: [N + 1] int64, where they begin and the last
    one ends. length: T."""

    def __init__(self, frames: Frames, offsets: Ints, length: int, rows: Ints | None = None) -> None:
        self.frames, self.offsets, self.length = frames, offsets, length
        self.rows = np.arange(len(offsets) - 1) if rows is None else np.asarray(rows, dtype=np.int64)
        self._pages = Pages(frames)

    @classmethod
    def open(cls, files: Mapping[str, Path], length: int, rows: Ints | None = None) -> Self:
        """Map the arrays of a folder; rows=None takes all N sounds."""
        frames, offsets = (np.load(files[name], mmap_mode="r") for name in (FRAMES, OFFSETS))
        return cls(frames, offsets, length, rows)

    def gather(self, index: "Tensor", *, pin: bool = False) -> "Tensor":
        """[B] -> [B, C, T] int16, GAP behind the end of a sound."""
        import torch  # 1 to 3 s that a reader of single rows need not wait for

        asked = self.rows[index.numpy()]
        shape = (len(asked), self.frames.shape[1], self.length)
        out = torch.full(shape, GAP, dtype=torch.int16, pin_memory=pin)
        lengths = np.asarray(self.offsets[asked + 1]) - np.asarray(self.offsets[asked])
        self._pages.release(2 * PAGE * len(asked) + self.frames[:1].nbytes * int(lengths.sum()))
        fill(out.numpy(), (self.row(place) for place in asked.tolist()))
        return out

    def row(self, place: int) -> Frames:
        """[C, n]."""
        own = self.frames[self.offsets[place] : self.offsets[place + 1]]
        return np.ascontiguousarray(own.T[:, : self.length])

    def select(self, rows: Ints) -> Self:
        return type(self)(self.frames, self.offsets, self.length, rows)


def fill(out: Frames, rows: "Sequence[Frames] | Any") -> None:
    """Write rows [C, n] into out [B, C, T], from the left."""
    for place, row in zip(out, rows, strict=True):
        place[:, : row.shape[1]] = row
