"""Packed texts in use: batches of tokens out of memory-mapped arrays.

Letters: N texts in the file, M rows in use, B texts of a batch, T tokens of the longest of a batch, n tokens of a text.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from components.arrays import Ints
from components.data.packed import Packed, Pages

if TYPE_CHECKING:
    from torch import Tensor

TOKENS, OFFSETS = "tokens", "offsets"
PAGE = 4096
Tokens = np.ndarray[Any, np.dtype[np.int32]]


class PackedTexts(Packed):
    """tokens: int32, all texts one after another. offsets: [N + 1] int64, where they begin and the last one ends."""

    def __init__(self, tokens: Tokens, offsets: Ints, rows: Ints | None = None) -> None:
        self.tokens, self.offsets = tokens, offsets
        self.rows = np.arange(len(offsets) - 1) if rows is None else np.asarray(rows, dtype=np.int64)
        self._pages = Pages(tokens)

    @classmethod
    def open(cls, files: Mapping[str, Path], rows: Ints | None = None) -> Self:
        """Map the arrays of a folder; rows=None takes all N texts."""
        tokens, offsets = (np.load(files[name], mmap_mode="r") for name in (TOKENS, OFFSETS))
        return cls(tokens, offsets, rows)

    def gather(self, index: "Tensor", *, pin: bool = False) -> "Tensor":
        """[B] -> [B, T] int64, 0 behind the end of a text."""
        import torch  # 1 to 3 s that a reader of single rows need not wait for

        asked = self.rows[index.numpy()]
        begin = np.asarray(self.offsets[asked])
        lengths = np.asarray(self.offsets[asked + 1]) - begin
        out = torch.zeros((len(asked), int(lengths.max(initial=1))), dtype=torch.int64, pin_memory=pin)
        self._pages.release(2 * PAGE * len(asked) + self.tokens.itemsize * int(lengths.sum()))
        place = np.arange(out.shape[1])
        inside = place < lengths[:, None]
        out.numpy()[inside] = self.tokens[(begin[:, None] + place)[inside]]
        return out

    def row(self, place: int) -> Tokens:
        return np.array(self.tokens[self.offsets[place] : self.offsets[place + 1]])

    def select(self, rows: Ints) -> Self:
        return type(self)(self.tokens, self.offsets, rows)
