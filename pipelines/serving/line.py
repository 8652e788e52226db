"""One version of a model in service: its queue of requests, and the processes that predict them in batches.

A batch takes what waits; it waits itself only for requests whose bodies are arriving. Where a process dies (a decoder
that crashes, a kill), it is replaced, and each request of its batch is tried again alone: the one that is to blame is
refused, the others get their predictions.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import monotonic

from components.errors import UserError, from_record
from components.registry.champion import Champion
from pipelines.serving import frames, process_entry
from pipelines.serving.answer import Answer, Asked, questions, refused, replies_of
from pipelines.serving.options import Options

TRIED = 2  # times that a request may be with a process that dies
DEATHS = 5  # in a row, without an answer between them, after which a process is not replaced for a while
REST = 10.0  # seconds of that while
BATCH_BYTES = 32 << 20  # of the bodies of a batch
LOAD = 120.0  # seconds in which a model has to load
BEGIN = 1 << 20  # bytes that a stream reads ahead
log = logging.getLogger(__name__)


@dataclass
class Waiting:
    """A request in a queue. died: processes that ended while they had it."""

    asked: Asked
    answer: "asyncio.Future[Answer]"
    keep: bool = False
    died: int = 0


@dataclass
class Process:
    """A process of a model, ready for requests."""

    handle: ForkServerProcess
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    columns: tuple[str, ...]
    kind: str
    seconds: float

    def end(self) -> None:
        """End it; what it has not answered is lost."""
        with contextlib.suppress(Exception):
            self.writer.close()
        with contextlib.suppress(OSError, ValueError):
            self.handle.kill()


@dataclass
class Line:
    """See the module.

    Args:
        folder: of the model's files. sha256: of them. arriving: how many requests are being read at the moment.
        sized: called with the number of requests of each batch.

    Attributes:
        processes: of the model, that are ready.
    """

    version: Champion
    folder: Path
    sha256: dict[str, str]
    options: Options
    arriving: Callable[[], int]
    sized: Callable[[int], None] = lambda count: None
    columns: tuple[str, ...] = ()
    kind: str = ""
    processes: list[Process] = field(default_factory=list)
    _waiting: deque[Waiting] = field(default_factory=deque)
    _suspects: deque[Waiting] = field(default_factory=deque)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _ends: bool = False

    async def start(self) -> None:
        """Load the model in its first process and begin to serve.

        Raises:
            UserError: it cannot be loaded, or does not predict its own example.
        """
        first = await self._process()
        self.columns, self.kind = first.columns, first.kind
        self._tasks = [
            asyncio.create_task(self._work(first if number == 0 else None))
            for number in range(self.options.processes)
        ]

    @property
    def queued(self) -> int:
        """Requests that no process has yet."""
        return len(self._waiting) + len(self._suspects)

    async def ask(self, asked: Asked, keep: bool = False) -> Answer:
        """The answer to a request.

        Raises:
            UserError: the queue is full.
        """
        if self.queued >= self.options.limits.queue:
            raise UserError("server-busy", f"{self.queued} requests wait already; try again in a second")
        waiting = Waiting(asked, asyncio.get_running_loop().create_future(), keep)
        self._waiting.append(waiting)
        self._ready.set()
        return await waiting.answer

    async def stop(self) -> None:
        """Answer what waits, then end the processes. Nobody may ask any more."""
        self._ends = True
        self._ready.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, process: Process | None) -> None:
        """What one process does until the line ends."""
        deaths = 0
        while (batch := await self._batch()) is not None:
            if process is None:
                process, deaths = await self._replaced(deaths)
            if process is None:  # it does not load: nobody waits for that
                for one in batch:
                    _settle(one, refused(UserError("model-not-loaded", "the model's process does not start")))
                continue
            try:
                await self._predict(process, batch)
                deaths = 0
            except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
                self._end(process)
                process, deaths = None, deaths + 1
                self._died(batch)
        if process is not None:
            self._end(process)

    def _end(self, process: Process) -> None:
        self.processes.remove(process)
        process.end()

    async def _replaced(self, deaths: int) -> tuple[Process | None, int]:
        if deaths >= DEATHS:
            await asyncio.sleep(REST)
        try:
            return await self._process(), deaths
        except UserError as error:
            log.error("version %s: %s", self.version.version, error)
            return None, deaths + 1

    async def _batch(self) -> list[Waiting] | None:
        """The next requests; None where there are none and the line ends."""
        while True:
            if self._suspects:
                if not (one := self._suspects.popleft()).answer.done():
                    return [one]
                continue
            if self._waiting:
                await self._gather()
                if batch := self._taken():
                    return batch
                continue
            if self._ends:
                return None
            self._ready.clear()
            await self._ready.wait()

    async def _gather(self) -> None:
        """Wait for requests that are arriving, as long as the options allow."""
        until = monotonic() + self.options.wait_ms / 1000
        while len(self._waiting) < self.options.batch and self.arriving() and not self._ends:
            self._ready.clear()
            try:
                async with asyncio.timeout(until - monotonic()):
                    await self._ready.wait()
            except TimeoutError:
                return

    def _taken(self) -> list[Waiting]:
        batch, size = list[Waiting](), 0
        while self._waiting and len(batch) < self.options.batch:
            if batch and size + len(self._waiting[0].asked.body) > BATCH_BYTES:
                break
            one = self._waiting.popleft()
            if not one.answer.done():  # its client has gone, or its time is over
                batch.append(one)
                size += len(one.asked.body)
        return batch

    async def _predict(self, process: Process, batch: list[Waiting]) -> None:
        self.sized(len(batch))
        header, blocks = questions([one.asked for one in batch], any(one.keep for one in batch))
        process.writer.write(frames.encode(header, blocks))
        await process.writer.drain()
        async with asyncio.timeout(self.options.limits.seconds):
            reply = await frames.receive(process.reader)
        for one, answer in zip(batch, replies_of(*reply), strict=True):
            _settle(one, answer)

    def _died(self, batch: list[Waiting]) -> None:
        log.error("version %s: a process died with %s requests", self.version.version, len(batch))
        for one in batch:
            one.died += 1
            if one.died >= TRIED:
                text = "the model's process ended on this request; nothing else was lost"
                _settle(one, refused(UserError("model-process-died", text)))
            else:
                self._suspects.append(one)

    async def _process(self) -> Process:
        """A process that has loaded the model.

        Raises:
            UserError: it has not.
        """
        ours, theirs = socket.socketpair()
        try:
            handle = await asyncio.to_thread(self._forked, theirs)
        except Exception as error:
            ours.close()
            raise UserError("model-does-not-load", f"no process for the model: {error!s:.200}") from error
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours, limit=BEGIN)
        try:
            async with asyncio.timeout(LOAD):
                told, _ = await frames.receive(reader)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            told = {}
        process = Process(handle, reader, writer, tuple(told.get("columns", ())), told.get("kind", ""), 0.0)
        if "ready" in told:
            process.seconds = float(told["ready"])
            self.processes.append(process)
            return process
        process.end()
        if "failed" in told:
            raise from_record(told["failed"])
        raise UserError(
            "model-does-not-load",
            f"{self.version.name} version {self.version.version}: its process ended while it was loading; the "
            "server's log has more",
        )

    def _forked(self, end: socket.socket) -> ForkServerProcess:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(process_entry.PRELOADED)
        given = (end, self.folder, self.sha256, self.options.limits.rows)
        handle = context.Process(target=process_entry.main, args=given, daemon=True)
        handle.start()
        return handle


def _settle(one: Waiting, answer: Answer) -> None:
    if not one.answer.done():
        one.answer.set_result(answer)
