"""Work spread over forked processes of this machine.

A fork shares with its parent all that is imported, opened and mapped, so it starts in milliseconds and nothing is
copied or imported again. Needs a parent that runs no OpenMP threads of its own (components.cores.ONE_THREAD) and
has not touched a GPU. A process that is killed is replaced, up to RESTARTS times; its task is given out again.

Results travel by pickle between processes of the same program; nothing that is read from disk passes here.
"""

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, TypeVar

from components import crash
from components.errors import UserError

T = TypeVar("T")
R = TypeVar("R")
Say = Callable[[str], None]

RESTARTS = 3
GRACE = 3.0  # seconds in which the others may report why they ended, when one has


class WorkerDiedError(RuntimeError):
    """A process ended without a result: killed from outside, often for want of memory, or a crash in C."""


class Ended(NamedTuple):
    """What a process reported last: its result, or the error that ended it; neither if it died."""

    result: Any = None
    error: BaseException | None = None
    died: bool = False


class Worker:
    """A forked process and the connection to it. It ends with its parent."""

    def __init__(self, serve: Callable[[Connection], None]) -> None:
        fork = multiprocessing.get_context("fork")
        self.connection, theirs = fork.Pipe()
        self.process = fork.Process(target=_begin, args=(serve, theirs, os.getpid()), daemon=True)
        with warnings.catch_warnings():
            # From Python 3.12 on a fork beside other threads warns; those of ours only wait for input.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        theirs.close()

    def ended(self) -> Ended:
        """Waits for the next report."""
        try:
            kind, value = pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            return Ended(died=True)
        return Ended(error=value) if kind == "error" else Ended(result=value)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()

    @property
    def fate(self) -> str:
        self.process.join(1.0)
        code = self.process.exitcode
        return f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"


def _begin(serve: Callable[[Connection], None], connection: Connection, parent: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent receives it and decides
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # 1: PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
    crash.dies_too(parent)
    try:
        serve(connection)
    except BaseException as error:
        traceback.print_exc()
        _report(connection, "error", error)


def _report(connection: Connection, kind: str, value: object) -> None:
    try:
        data = pickle.dumps((kind, value))
        if kind == "error":
            pickle.loads(data)  # one whose constructor takes other arguments pickles and does not come back
    except Exception:
        if kind != "error":
            raise
        data = pickle.dumps((kind, RuntimeError(f"{type(value).__name__}: {value}")))
    with contextlib.suppress(BrokenPipeError):  # the parent has stopped listening
        connection.send_bytes(data)


def once(work: Callable[[], R]) -> Ended:
    """What a fork reports that calls `work` once; an error of it, and its death, are results too."""
    worker = Worker(lambda connection: _report(connection, "done", work()))
    try:
        return worker.ended()
    finally:
        worker.end()


def answering(work: Callable[[T], R]) -> Callable[[Connection], None]:
    """For a Worker that calls `work` with each thing it is sent, and reports what it returns, until it is ended."""

    def serve(connection: Connection) -> None:
        while True:
            _report(connection, "done", work(connection.recv()))

    return serve


def at_once(work: Callable[[int], R], processes: int) -> R:
    """Run work(0) to work(processes - 1), each in a process of its own, all at the same time.

    Returns:
        The result of work(0).

    Raises:
        WorkerDiedError: one ended without a result. Else the error of one of them, a UserError before any other.
    """

    def serve(rank: int, connection: Connection) -> None:
        result = work(rank)
        _report(connection, "done", result if rank == 0 else None)

    workers = [Worker(partial(serve, rank)) for rank in range(processes)]
    try:
        ends = _ends(workers)
        errors = [end.error for end in ends.values() if end.error is not None]
        for error in errors:
            if isinstance(error, UserError):
                raise error
        dead = [workers[rank] for rank, end in ends.items() if end.died]
        if dead:
            raise WorkerDiedError(f"a process {dead[0].fate}")
        if errors:
            raise errors[0]
        result: R = ends[0].result
        return result
    finally:
        for worker in workers:
            worker.end()


def _ends(workers: Sequence[Worker]) -> dict[int, Ended]:
    """How each process ended, by number; when one has raised the others have GRACE seconds to do so as well."""
    open_ = {worker.connection: number for number, worker in enumerate(workers)}
    ends: dict[int, Ended] = {}
    until: float | None = None
    while open_:
        ready = wait(list(open_), None if until is None else max(0.0, until - time.monotonic()))
        if not ready:
            break
        for connection in ready:
            number = open_.pop(connection)  # type: ignore[call-overload]
            ends[number] = end = workers[number].ended()
            if end.died:  # the others wait for it and cannot know more
                until = time.monotonic()
            elif end.error is not None and until is None:
                until = time.monotonic() + GRACE
    return ends


def side_by_side(
    tasks: Sequence[T],
    make: Callable[[], Callable[[T], R]],
    processes: int,
    say: Say = lambda text: None,
) -> Iterator[tuple[int, R]]:
    """Give out tasks to processes, each the next one as soon as it is free.

    Args:
        tasks: inherited, not sent. make: called once in each process -> what is called with each task there.
        processes: at most; with one, or one task, or within such a process, all is done in this process.
        say: a line where a process was replaced.

    Yields:
        (number of the task, its result), in the order in which they are done.

    Raises:
        WorkerDiedError: processes died more than RESTARTS times. Else the error that a task raised.
    """
    if min(processes, len(tasks)) <= 1 or multiprocessing.current_process().daemon:
        work = make() if tasks else None
        for number, task in enumerate(tasks):
            assert work is not None
            yield number, work(task)
        return

    def serve(connection: Connection) -> None:
        work = make()
        while (number := connection.recv()) is not None:
            _report(connection, "done", work(tasks[number]))

    waiting, deaths = deque(range(len(tasks))), 0
    busy: dict[Any, tuple[Worker, int]] = {}

    def give(worker: Worker) -> None:
        if not waiting:
            worker.end()
            return
        number = waiting.popleft()
        busy[worker.connection] = worker, number
        with contextlib.suppress(OSError):  # it has died; the wait below finds out
            worker.connection.send(number)

    try:
        for _ in range(min(processes, len(tasks))):
            give(Worker(serve))
        while busy:
            for connection in wait(list(busy)):
                worker, number = busy.pop(connection)
                end = worker.ended()
                if end.error is not None:
                    worker.end()
                    raise end.error
                if end.died:
                    deaths += 1
                    fate = worker.fate
                    worker.end()
                    if deaths > RESTARTS:
                        raise WorkerDiedError(f"a process {fate}, for the {deaths}th time")
                    say(f"a process {fate}: its task is given to another one")
                    waiting.appendleft(number)
                    give(Worker(serve))
                    continue
                give(worker)
                yield number, end.result
    finally:
        for worker, _ in busy.values():
            worker.end()


def run_all(jobs: Sequence[Callable[[], R]], processes: int, say: Say = lambda text: None) -> list[R]:
    """The results of independent jobs, in their order; up to `processes` run at the same time."""

    def call(job: Callable[[], R]) -> R:
        return job()

    done = dict(side_by_side(jobs, lambda: call, processes, say))
    return [done[number] for number in range(len(jobs))]
