"""Samples that were decoded once, in a memory-mapped array: batches come out of it without a decoder.

Resident memory stays bounded whatever the size of the array: pages that reading has mapped are given back
before their sum passes a budget. They stay in the system's page cache, which it may shrink at will.

Letters: N samples in the file, M rows in use, B rows asked for.
"""

import mmap
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from components.arrays import Ints

if TYPE_CHECKING:
    from torch import Tensor

MAPPED = 128 << 20  # bytes that may be mapped at a time; a file that is smaller is never given back
FAULT = 2 << 20  # what one page fault may map at most: a huge page of what is cached around it


class Packed(ABC):
    """Packed samples in use. rows: [M] int64, their places in the arrays."""

    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)

    @abstractmethod
    def gather(self, index: "Tensor", *, pin: bool = False) -> "Tensor":
        """The samples at `index` [B] int64 (positions in rows), in the order asked for, as they are stored.

        pin: into page-locked memory, for a GPU.
        """

    @abstractmethod
    def row(self, place: int) -> np.ndarray[Any, Any]:
        """A copy of the sample at a place in the arrays."""

    def whole(self) -> Self:
        """The same rows with what is held out of training, where a kind of data holds out parts of samples."""
        return self

    @abstractmethod
    def select(self, rows: Ints) -> Self:
        """The same arrays with other rows in use; `rows` are places in the arrays."""


class Pages:
    """The mapped pages of an array, usually a np.memmap; of another array there are none."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self._mapping, self._touched = _mapping(array), 0

    def release(self, coming: int) -> None:
        """Give mapped pages back where those that the next read maps would pass the budget. coming: their bytes."""
        if self._mapping is None or len(self._mapping) <= MAPPED:
            return
        if self._touched + coming > MAPPED:
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        self._touched += coming


class PackedArray(Packed):
    """Samples of one shape. array: [N, ...], usually a np.memmap."""

    def __init__(self, array: np.ndarray[Any, Any], rows: Ints) -> None:
        self.array, self.rows = array, np.asarray(rows, dtype=np.int64)
        self._pages = Pages(array)

    @classmethod
    def open(cls, file: Path, rows: Ints | None = None) -> Self:
        """Map an .npy file; rows=None takes all N samples."""
        array = np.load(file, mmap_mode="r")
        return cls(array, np.arange(len(array)) if rows is None else rows)

    def gather(self, index: "Tensor", *, pin: bool = False) -> "Tensor":
        """[B, ...] of the array's type. Reads in file order, so that a cold disk is read forwards."""
        import torch  # 1 to 3 s that a reader of single rows need not wait for

        asked = self.rows[index.numpy()]
        kind = torch.from_numpy(np.empty(0, self.array.dtype)).dtype
        out = torch.empty((len(asked), *self.array.shape[1:]), dtype=kind, pin_memory=pin)
        target, inwards = out.numpy(), np.argsort(asked, kind="stable")
        size = max(1, self.array[:1].nbytes) + FAULT
        chunk = max(1, MAPPED // 4 // size)
        for start in range(0, len(asked), chunk):
            part = inwards[start : start + chunk]
            self._pages.release(len(part) * size)
            target[part] = self.array[asked[part]]
        return out

    def row(self, place: int) -> np.ndarray[Any, Any]:
        return np.array(self.array[place])

    def select(self, rows: Ints) -> Self:
        return type(self)(self.array, rows)


def _mapping(array: Any) -> mmap.mmap | None:
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array
