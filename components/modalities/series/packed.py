"""Packed series in use: batches out of memory-mapped arrays.

Letters: N series in the file, M rows in use, B series of a batch, C channels, T time steps of the longest of a batch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from components.arrays import Floats, Ints
from components.data.packed import Packed, Pages

if TYPE_CHECKING:
    from torch import Tensor

VALUES, OFFSETS = "values", "offsets"
PAGE = 4096


class PackedSeries(Packed):
    """values: float32 [sum of T, C], all series one after another. offsets: [N + 1] int64, where they begin and the
    last one ends."""

    def __init__(self, values: Floats, offsets: Ints, rows: Ints | None = None) -> None:
        self.values, self.offsets = values, offsets
        self.rows = np.arange(len(offsets) - 1) if rows is None else np.asarray(rows, dtype=np.int64)
        self._pages = Pages(values)

    @classmethod
    def open(cls, files: Mapping[str, Path], rows: Ints | None = None) -> Self:
        """Map the arrays of a folder; rows=None takes all N series."""
        values, offsets = (np.load(files[name], mmap_mode="r") for name in (VALUES, OFFSETS))
        return cls(values, offsets, rows)

    def gather(self, index: "Tensor", *, pin: bool = False) -> "Tensor":
        """[B] -> [B, C, T] float32, NaN behind the end of a series."""
        import torch  # 1 to 3 s that a reader of single rows need not wait for

        asked = self.rows[index.numpy()]
        begin = np.asarray(self.offsets[asked])
        lengths = np.asarray(self.offsets[asked + 1]) - begin
        channels, longest = self.values.shape[1], int(lengths.max(initial=1))
        out = torch.full((len(asked), channels, longest), torch.nan, pin_memory=pin)
        self._pages.release(2 * PAGE * len(asked) + 4 * channels * int(lengths.sum()))
        target = out.numpy()
        for place, (start, length) in enumerate(zip(begin.tolist(), lengths.tolist(), strict=True)):
            target[place, :, :length] = self.values[start : start + length].T
        return out

    def row(self, place: int) -> Floats:
        """[T, C]."""
        return np.array(self.values[self.offsets[place] : self.offsets[place + 1]])

    def select(self, rows: Ints) -> Self:
        return type(self)(self.values, self.offsets, rows)
