"""Batches of files and samples checked by several processes, in order.

No sample is decoded in the process that asks: a decoder that crashes costs the sample, not the run. A process is a fork
(components.forks): it starts in milliseconds, so the first one does for the first sample.
"""

import signal
import threading
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from components.cores import available
from components.data.checked_files import Checked, Wanted, check_files, check_samples
from components.data.reader import Reader
from components.forks import Worker, WorkerDiedError, answering

TOGETHER = 8 << 20  # bytes of a batch to aim at: some batches at a time are in memory
FIRST, MOST = 16, 256  # files in the first batch, and in any
FEW, MANY = (
    2,
    10,
)  # batches in work, a process: of large files; of small ones, as the caller may write for .1 s
CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)

Batch = Sequence[Wanted] | Sequence[bytes]


class CheckPool:
    """Checks batches in up to `size` processes, by default one a core.

    Args:
        folder: that file names are relative to.
        known: ids of the samples that need not be decoded, as they are when a process starts.
    """

    def __init__(
        self, folder: Path, reader: Reader, known: Container[bytes], size: int | None = None
    ) -> None:
        self.folder, self.reader, self.known = str(folder), reader, known
        self.size = size or available()
        self._together, self._ahead = FIRST, FEW
        self._free: deque[Worker] = deque()
        self._started = 0
        self._forking = threading.Lock()  # a pipe's ends must be closed here before the next fork
        self._threads = ThreadPoolExecutor(self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
        for worker in self._free:
            worker.end()

    @property
    def together(self) -> int:
        """How many files or samples the next batch should have, by the size of the last ones."""
        return self._together

    def map(self, batches: Iterable[Batch]) -> Iterator[list[Checked]]:
        """What came of each batch, in order; a few batches are in work at a time."""
        waiting: deque[tuple[Batch, Future[list[Checked]]]] = deque()
        for batch in batches:
            if batch and self._started < self.size:
                self._free.append(self._worker())
                self._started += 1
            waiting.append((batch, self._threads.submit(self._hand, batch)))
            if len(waiting) > self._ahead * self.size:
                yield self._seen(*waiting.popleft())
        while waiting:
            yield self._seen(*waiting.popleft())

    def _seen(self, batch: Batch, future: Future[list[Checked]]) -> list[Checked]:
        checked = future.result()
        if batch:
            read = sum(
                len(one) if isinstance(one, bytes) else done.stamp.size if done.stamp else 0
                for one, done in zip(batch, checked, strict=True)
            )
            self._ahead = max(FEW, min(MANY, FEW * TOGETHER // max(1, read)))
            self._together = max(1, min(MOST, TOGETHER * len(batch) // max(1, read), 2 * self._together))
        return checked

    def _worker(self) -> Worker:
        with self._forking:
            return Worker(answering(self._check))

    def _check(self, batch: Batch) -> list[Checked]:
        if isinstance(batch[0], bytes):
            return check_samples(batch, self.reader, self.known)  # type: ignore[arg-type]
        return check_files(self.folder, batch, self.reader, self.known)  # type: ignore[arg-type]

    def _hand(self, batch: Batch) -> list[Checked]:
        """One batch to a free process; a batch that crashes a decoder is halved until the sample is found."""
        if not batch:
            return []
        worker = self._free.popleft()  # as many threads as processes at most: there is one
        try:
            checked = _asked(worker, batch)
        except DecoderCrash as crash:
            worker.end()
            worker = self._worker()
            if len(batch) == 1:
                return [Checked(b"", str(crash), b"")]
        else:
            return checked
        finally:
            self._free.append(worker)
        middle = len(batch) // 2
        return self._hand(batch[:middle]) + self._hand(batch[middle:])


class DecoderCrash(Exception):  # noqa: N818 - the word of the field
    """A decoder took its process down with it; the message is the reason for which a sample is bad."""


def _asked(worker: Worker, batch: Batch) -> list[Checked]:
    """What a process answers.

    Raises:
        DecoderCrash: it crashed. WorkerDiedError: it was killed from outside, often for want of memory.
    """
    with suppress(OSError):  # it has died, which its report shows
        worker.connection.send(batch)
    end = worker.ended()
    if end.error is not None:
        raise end.error
    if end.died:
        fate, code = worker.fate, worker.process.exitcode or 0
        if -code in CRASHES:
            raise DecoderCrash(f"unreadable: its decoder crashed (signal {-code})")
        raise WorkerDiedError(f"a process that checks samples {fate}; run again")
    checked: list[Checked] = end.result
    return checked
