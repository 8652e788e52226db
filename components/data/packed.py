"""Samples that were decoded once, in a memory-mapped array: batches come out of it without a decoder.

Resident memory stays bounded whatever the size of the array: pages that reading has mapped are given back
before their sum passes a budget. They stay in the system's page cache, which it may shrink at will.

Letters: N samples in the file, M rows in use, B rows asked for.
"""

import mmap
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from components.arrays import Ints
from components.data.loader import Loader

MAPPED = 128 << 20  # bytes that may be mapped at a time; a file that is smaller is never given back
FAULT = 2 << 20  # what one page fault may map at most: a huge page of what is cached around it


class Packed(ABC):
    """Packed samples in use. rows: [M] int64, their places in the arrays."""

    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)

    @abstractmethod
    def gather(self, index: Tensor, *, pin: bool = False) -> Tensor:
        """The samples at `index` [B] int64 (positions in rows), in the order asked for, as they are stored.

        pin: into page-locked memory, for a GPU.
        """

    @abstractmethod
    def row(self, place: int) -> np.ndarray[Any, Any]:
        """A copy of the sample at a place in the arrays."""

    @abstractmethod
    def select(self, rows: Ints) -> Self:
        """The same arrays with other rows in use; `rows` are places in the arrays."""


class PackedArray(Packed):
    """Samples of one shape. array: [N, ...], usually a np.memmap."""

    def __init__(self, array: np.ndarray[Any, Any], rows: Ints) -> None:
        self.array, self.rows = array, np.asarray(rows, dtype=np.int64)
        self._mapping = _mapping(array)
        self._touched = 0

    @classmethod
    def open(cls, file: Path, rows: Ints | None = None) -> Self:
        """Map an .npy file; rows=None takes all N samples."""
        array = np.load(file, mmap_mode="r")
        return cls(array, np.arange(len(array)) if rows is None else rows)

    def gather(self, index: Tensor, *, pin: bool = False) -> Tensor:
        """[B, ...] of the array's type. Reads in file order, so that a cold disk is read forwards."""
        asked = self.rows[index.numpy()]
        kind = torch.from_numpy(np.empty(0, self.array.dtype)).dtype
        out = torch.empty((len(asked), *self.array.shape[1:]), dtype=kind, pin_memory=pin)
        target, inwards = out.numpy(), np.argsort(asked, kind="stable")
        size = max(1, self.array[:1].nbytes) + FAULT
        chunk = max(1, MAPPED // 4 // size)
        for start in range(0, len(asked), chunk):
            part = inwards[start : start + chunk]
            self._release(len(part) * size)
            target[part] = self.array[asked[part]]
        return out

    def row(self, place: int) -> np.ndarray[Any, Any]:
        return np.array(self.array[place])

    def select(self, rows: Ints) -> Self:
        return type(self)(self.array, rows)

    def _release(self, coming: int) -> None:
        """Give mapped pages back where those that the next read maps would pass the budget."""
        if self._mapping is None or len(self._mapping) <= MAPPED:
            return
        if self._touched + coming > MAPPED:
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        self._touched += coming


class Prefetch:
    """What is left of a loader's epoch as (index [B] int64, the samples as they are stored, on `device`).

        with Prefetch(loader, packed, device) as batches:
            for index, stored in batches:
                ...
        batches.waiting    # share of the time that the consumer spent waiting for data

    One thread gathers up to `depth` batches ahead. The loader's position moves as batches are handed out, not
    as they are gathered, so its state is right at every step. Leaving the block ends the thread.
    """

    def __init__(
        self, loader: Loader, packed: Packed, device: torch.device | str = "cpu", depth: int = 2
    ) -> None:
        self.loader, self.packed, self.device = loader, packed, torch.device(device)
        self.waited, self._began, self._ended = 0.0, 0.0, 0.0
        self._ready: queue.Queue[tuple[Tensor, Tensor] | BaseException | None] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> float:
        """Waiting time as a share of the time since the first batch was asked for, 0 to 1."""
        elapsed = (self._ended or time.perf_counter()) - self._began
        return self.waited / elapsed if self._began and elapsed > 0 else 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread; safe to call twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._ended = self._ended or time.perf_counter()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        assert not self._began, "one Prefetch serves one pass"
        self._began = time.perf_counter()
        self._thread = threading.Thread(target=self._fill, args=(self.loader.remaining(),), daemon=True)
        self._thread.start()
        try:
            while (item := self._next()) is not None:
                self.loader.advance()
                index, stored = item
                yield index, stored.to(self.device, non_blocking=True)
            self.loader.finish()
        finally:
            self.close()

    def _next(self) -> tuple[Tensor, Tensor] | None:
        start = time.perf_counter()
        item = self._ready.get()
        self.waited += time.perf_counter() - start
        if isinstance(item, BaseException):
            raise item
        return item

    def _fill(self, batches: Iterator[Tensor]) -> None:
        pin = self.device.type == "cuda"
        try:
            for index in batches:
                if not self._put((index, self.packed.gather(index, pin=pin))):
                    return
            self._put(None)
        except BaseException as error:  # the consumer raises it
            self._put(error)

    def _put(self, item: tuple[Tensor, Tensor] | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False


def _mapping(array: Any) -> mmap.mmap | None:
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array
