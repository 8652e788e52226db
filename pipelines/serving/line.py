"""One version of a model in service: the processes that predict, and the requests that they have.

A request goes to a process at once; the process predicts what has come together while it was busy (model_process.py),
so nothing waits for a batch to fill. Where a process dies (a decoder that crashes, a kill), it is replaced, and what it
had is tried again, one request after the other: the one that is to blame is refused, the others get their predictions.
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
from pipelines.serving.answer import Answer, Asked, question, refused, replies_of
from pipelines.serving.options import Options

TRIED = 2  # processes that may die while they have a request
DEATHS = 5  # in a row, without an answer between them, after which a process is not replaced at once
REST = 10.0  # seconds until it is
LOAD = 120.0  # seconds in which a model has to load
BEGIN = 1 << 20  # bytes that a stream reads ahead
LOST = (asyncio.IncompleteReadError, ConnectionError, TimeoutError)
log = logging.getLogger(__name__)


@dataclass
class Waiting:
    """A request without an answer. died: processes that ended while they had it."""

    asked: Asked
    answer: "asyncio.Future[Answer]"
    keep: bool = False
    died: int = 0


@dataclass
class Process:
    """A process of a model. has: requests that it was sent, in order; heard: when it answered last, or began to."""

    handle: ForkServerProcess
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    columns: tuple[str, ...] = ()
    kind: str = ""
    has: deque[Waiting] = field(default_factory=deque)
    heard: float = 0.0

    def send(self, one: Waiting) -> None:
        """Hand over a request."""
        if not self.has:
            self.heard = monotonic()
        self.has.append(one)
        self.writer.write(frames.encode(*question(one.asked, one.keep)))

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
        folder: of the model's files. sha256: of them. sized: called with the number of requests of each batch.

    Attributes:
        columns, kind: of the model's kind of data. processes: that are ready.
    """

    version: Champion
    folder: Path
    sha256: dict[str, str]
    options: Options
    sized: Callable[[int], None] = lambda count: None
    columns: tuple[str, ...] = ()
    kind: str = ""
    processes: list[Process] = field(default_factory=list)
    _waiting: deque[Waiting] = field(default_factory=deque)  # until a process is ready
    _suspects: deque[Waiting] = field(default_factory=deque)  # that a process died with
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Load the model in its first process and begin to serve.

        Raises:
            UserError: it cannot be loaded, or does not predict its own example.
        """
        first = await self._process()
        self.columns, self.kind = first.columns, first.kind
        more = [None] * (self.options.processes - 1)
        self._tasks = [asyncio.create_task(self._keep(one)) for one in (first, *more)]
        self._tasks.append(asyncio.create_task(self._watch()))
        await asyncio.sleep(0)  # the tasks begin: the first process is ready

    @property
    def queued(self) -> int:
        """Requests without an answer."""
        held = sum(len(process.has) for process in self.processes)
        return len(self._waiting) + len(self._suspects) + held

    async def ask(self, asked: Asked, keep: bool = False) -> Answer:
        """The answer to a request.

        Raises:
            UserError: too many requests wait.
        """
        if self.queued >= self.options.limits.queue:
            raise UserError("server-busy", f"{self.queued} requests wait already; try again in a second")
        waiting = Waiting(asked, asyncio.get_running_loop().create_future(), keep)
        self._waiting.append(waiting)
        self._hand_over()
        return await waiting.answer

    async def stop(self) -> None:
        """Answer what waits, then end the processes. Nobody may ask any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.options.limits.seconds):
                while self.queued:
                    self._idle.clear()
                    await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # their sockets are closed

    def _hand_over(self) -> None:
        """Give the processes what waits. A suspect is alone with its process, and all else waits for it."""
        while self.processes and (self._suspects or self._waiting):
            process = min(self.processes, key=lambda one: len(one.has))
            if self._suspects:
                if process.has:
                    return
                one = self._suspects.popleft()
            elif self._with_suspect(process):
                return
            else:
                one = self._waiting.popleft()
            if not one.answer.done():  # its client has gone, or its time is over
                process.send(one)

    @staticmethod
    def _with_suspect(process: Process) -> bool:
        return bool(process.has) and process.has[0].died > 0

    async def _keep(self, process: Process | None) -> None:
        """Have one process ready, until it is cancelled."""
        deaths = 0
        try:
            while True:
                if process is None:
                    process, deaths = await self._replaced(deaths)
                    continue
                self.processes.append(process)
                self._hand_over()
                if await self._listen(process):
                    deaths = 0
                self.processes.remove(process)
                process.end()
                self._died(process)
                process, deaths = None, deaths + 1
        finally:
            if process is not None:
                process.end()

    async def _replaced(self, deaths: int) -> tuple[Process | None, int]:
        if deaths >= DEATHS:
            await asyncio.sleep(REST)
        try:
            return await self._process(), deaths
        except UserError as error:
            log.error("version %s: %s", self.version.version, error)
            return None, deaths + 1

    async def _listen(self, process: Process) -> bool:
        """Take a process's answers until it ends; whether there were any."""
        any_ = False
        with contextlib.suppress(*LOST):
            while True:
                reply = await frames.receive(process.reader)
                any_, process.heard = True, monotonic()
                found = replies_of(*reply)
                self.sized(len(found))
                for answer in found:
                    _settle(process.has.popleft(), answer)
                self._hand_over()
                if not self.queued:
                    self._idle.set()
        return any_

    async def _watch(self) -> None:
        """End a process that hangs: it has requests, and answers none in the time of one."""
        while True:
            await asyncio.sleep(min(1.0, self.options.limits.seconds))
            for process in self.processes:
                if process.has and monotonic() - process.heard > self.options.limits.seconds:
                    log.error("version %s: a process hangs and is ended", self.version.version)
                    process.end()

    def _died(self, process: Process) -> None:
        log.error("version %s: a process ended with %s requests", self.version.version, len(process.has))
        while process.has:
            one = process.has.popleft()
            one.died += 1
            if one.died >= TRIED:
                text = "the model's process ended on this request; nothing else was lost"
                _settle(one, refused(UserError("model-process-died", text)))
            else:
                self._suspects.append(one)
        if not self.queued:
            self._idle.set()

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
        except BaseException:  # the server ends: so does the process, without its other end
            ours.close()
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours, limit=BEGIN)
        process = Process(handle, reader, writer)
        try:
            async with asyncio.timeout(LOAD):
                told, _ = await frames.receive(reader)
        except LOST:
            told = {}
        except BaseException:
            process.end()
            raise
        process.columns, process.kind = tuple(told.get("columns", ())), told.get("kind", "")
        if "ready" in told:
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
        given = (end, self.folder, self.sha256, self.options.limits.rows, self.options.batch)
        handle = context.Process(target=process_entry.main, args=given, daemon=True)
        handle.start()
        return handle


def _settle(one: Waiting, answer: Answer) -> None:
    if not one.answer.done():
        one.answer.set_result(answer)
