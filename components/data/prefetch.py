"""Batches of packed samples, gathered ahead of the step that needs them.

Letters: B samples of a batch.
"""

import queue
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from components.data.loader import Loader
from components.data.packed import Packed


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
