"""Batches of files and samples checked by several processes, in order.

A process is started when there is more than one moment's work (MANY). It ends when its standard input does, so none
outlives the process that started it, however that one ends.
"""

import mmap
import os
import pickle
import signal
import subprocess
import sys
from bisect import bisect_left
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from components.data.checks import ImageLimits
from components.data.image_files import Checked, Wanted, check_files, check_samples

MANY = 256  # files from which on processes are worth their start of 0.3 s
TOGETHER = 8 << 20  # bytes of a batch to aim at: some batches at a time are in memory
FIRST, MOST = 16, 256  # files in the first batch, and in any
DIGEST = 32  # bytes
SERVE = "from components.data.check_pool import serve; serve()"

CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)

Batch = Sequence[Wanted] | Sequence[bytes]


class Ids(Container[bytes]):
    """The digests in a file that holds them sorted, DIGEST bytes each; it may be empty."""

    def __init__(self, file: Path) -> None:
        size = file.stat().st_size
        with file.open("rb") as stream:
            self._data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if size else b""

    def __len__(self) -> int:
        return len(self._data) // DIGEST

    def __getitem__(self, place: int) -> bytes:
        return self._data[place * DIGEST : (place + 1) * DIGEST]

    def __contains__(self, id: object) -> bool:
        if not isinstance(id, bytes):
            return False
        place = bisect_left(self, id)
        return place < len(self) and self[place] == id

    @staticmethod
    def write(file: Path, ids: Iterable[bytes]) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(sorted(ids)))


class CheckPool:
    """Checks batches here while there are few, in processes from MANY on.

    Args:
        folder: that file names are relative to.
        known: ids of the samples that need not be decoded, as they are when the pool is made.
        scratch: a file for them, where other processes read them.
    """

    def __init__(self, folder: Path, limits: ImageLimits, known: set[bytes], scratch: Path) -> None:
        self.folder, self.limits, self.known, self.scratch = str(folder), limits, known, scratch
        self.size = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._sent, self._together = 0, FIRST
        self._free: deque[_Worker] = deque()
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for worker in self._free:
            worker.end()
        self.scratch.unlink(missing_ok=True)

    @property
    def together(self) -> int:
        """How many files or samples the next batch should have, by the size of the last ones."""
        return self._together

    def map(self, batches: Iterable[Batch]) -> Iterator[list[Checked]]:
        """What came of each batch, in order; a few batches are in work at a time."""
        waiting: deque[tuple[Batch, Future[list[Checked]]]] = deque()
        for batch in batches:
            self._sent += len(batch)
            if self._threads is None and self._sent < MANY:
                yield self._seen(batch, check(self.folder, batch, self.limits, self.known))
                continue
            waiting.append((batch, self._started().submit(self._hand, batch)))
            if len(waiting) > 2 * self.size:
                first, future = waiting.popleft()
                yield self._seen(first, future.result())
        for batch, future in waiting:
            yield self._seen(batch, future.result())

    def _seen(self, batch: Batch, checked: list[Checked]) -> list[Checked]:
        if batch:
            read = sum(
                len(one) if isinstance(one, bytes) else done.stamp.size if done.stamp else 0
                for one, done in zip(batch, checked, strict=True)
            )
            self._together = max(1, min(MOST, TOGETHER * len(batch) // max(1, read), 2 * self._together))
        return checked

    def _started(self) -> ThreadPoolExecutor:
        if self._threads is None:
            Ids.write(self.scratch, self.known)
            self._free.extend(_Worker(self.folder, self.limits, self.scratch) for _ in range(self.size))
            self._threads = ThreadPoolExecutor(self.size)
        return self._threads

    def _hand(self, batch: Batch) -> list[Checked]:
        if not batch:
            return []
        worker = self._free.popleft()  # as many threads as workers: there is one
        try:
            return worker.check(batch)
        except DecoderCrash as crash:
            worker.end()
            worker = _Worker(self.folder, self.limits, self.scratch)
            reason = str(crash)
        finally:
            self._free.append(worker)
        if len(batch) == 1:
            return [Checked(b"", reason, b"")]
        middle = len(batch) // 2
        return self._hand(batch[:middle]) + self._hand(batch[middle:])


def check(folder: str, batch: Batch, limits: ImageLimits, known: Container[bytes]) -> list[Checked]:
    if batch and isinstance(batch[0], bytes):
        return check_samples(batch, limits, known)  # type: ignore[arg-type]
    return check_files(folder, batch, limits, known)  # type: ignore[arg-type]


class DecoderCrash(Exception):  # noqa: N818 - the word of the field
    """A decoder took its process down with it; the message is the reason for which a sample is bad."""


class _Worker:
    """A process that serves one batch after the other."""

    def __init__(self, folder: str, limits: ImageLimits, known: Path) -> None:
        path = os.pathsep.join(place or os.getcwd() for place in sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        self._send((folder, limits, known))

    def _send(self, what: Any) -> None:
        assert self.process.stdin is not None
        pickle.dump(what, self.process.stdin, pickle.HIGHEST_PROTOCOL)
        self.process.stdin.flush()

    def check(self, batch: Batch) -> list[Checked]:
        assert self.process.stdout is not None
        try:
            self._send(batch)
            checked: list[Checked] = pickle.load(self.process.stdout)
        except (EOFError, BrokenPipeError):
            code = self.process.wait()
            if -code in CRASHES:
                raise DecoderCrash(f"unreadable: its decoder crashed (signal {-code})") from None
            raise RuntimeError(f"a process that checks samples ended with code {code}; run again") from None
        return checked

    def end(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def serve() -> None:
    """A worker's life: what is to be done first, then a batch at a time, each answered on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a decoder prints must not be taken for an answer
    folder, limits, place = pickle.load(source)
    known = Ids(place)
    while True:
        try:
            batch = pickle.load(source)
        except EOFError:
            return
        pickle.dump(check(folder, batch, limits, known), sink, pickle.HIGHEST_PROTOCOL)
        sink.flush()
