"""A process that imports once what stages need and is forked for each: python -m pipelines.engine.fork_server SOCKET.

Its parent (stage_process.py) sends one request at a time over the socket and gets the fork's process id, then its exit
code; when the socket closes, all ends. What a fork does to its environment, folder and modules stays its own. Nothing
but imports happens here, and no fork is made where an import has begun a thread or touched a GPU: the parent is told,
and starts an interpreter instead.

What a fork leaves running becomes a child of this process (a subreaper), which ends it before it reports.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from types import FrameType
from typing import Any, NoReturn

import psutil

from components.registry.mlflow_registry import import_mlflow
from pipelines.engine.store import load

LENGTH = 8  # bytes before a request: its length
GRACE = 9.0  # seconds between being asked to end and being killed; a stage takes 8 for itself
PR_SET_CHILD_SUBREAPER = 36

# What stages import while they run, and more than one of them does.
AHEAD = dict.fromkeys(("pretrain", "finetune"), ("torch._dynamo",))  # by an optimiser's first step, 0.9 s
WITH_MLFLOW = ("register", "promote")


def main() -> int:
    server, connection = os.getpid(), socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and decides
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        mine = _serve(connection)
    finally:
        if os.getpid() == server:
            _end_children(GRACE)
    if mine is not None:
        _run(*mine, connection)
    return 0


def _serve(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Until the parent is gone; in a fork, what it has to do."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone
        while (request := _receive(connection)) is not None:
            asked, handles = request
            for stage, given in asked["stages"]:
                _import(stage, given)
            if (reason := _unsafe()) is not None:
                _close(handles)
                _send(connection, {"refused": reason})
                continue
            gc.freeze()  # what is there now is not looked through again, so its pages stay shared
            sys.stdout.flush()
            sys.stderr.flush()
            if (pid := os.fork()) == 0:
                return request
            _close(handles)
            _send(connection, {"pid": pid})
            _send(connection, {"code": _end_of(pid, connection)})
    return None


def _import(stage: str, given: dict[str, Any]) -> None:
    """What hinders it is told by the fork, which imports it again."""
    try:
        load(stage, given)
        for name in AHEAD.get(stage, ()):
            importlib.import_module(name)
        if stage in WITH_MLFLOW:
            import_mlflow()
    except Exception:
        traceback.print_exc()


def _unsafe() -> str | None:
    """Why this process must not be forked; None where it may."""
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        return f"an import has begun a thread ({threads} run)"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "an import has touched the GPU"
    return None


def _run(asked: dict[str, Any], handles: list[int], connection: socket.socket) -> NoReturn:
    """In the fork: main() of asked["main"], a module of ours; ends with its exit code."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    connection.close()
    for place, handle in enumerate(handles):
        os.dup2(handle, place)
    _close(handles)
    sys.stdin = os.fdopen(0, closefd=False)
    os.environ.clear()
    os.environ.update(asked["environ"])
    time.tzset()
    os.chdir(asked["folder"])
    sys.argv[1:] = asked["arguments"]
    code = int(importlib.import_module(asked["main"]).main())
    try:  # the exit hooks, but not the end of all modules, which takes longer the more are imported
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next request and the three files that its fork gets as 0, 1 and 2; None when the parent has closed."""
    head, handles, _, _ = socket.recv_fds(connection, LENGTH, 3)
    if not head:
        return None
    head += _exactly(connection, LENGTH - len(head))
    return json.loads(_exactly(connection, int.from_bytes(head))), list(handles)


def _exactly(connection: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = connection.recv(size - len(got))
        if not part:
            raise ConnectionResetError
        got += part
    return got


def _send(connection: socket.socket, record: dict[str, Any]) -> None:
    connection.sendall(json.dumps(record).encode() + b"\n")


def _end_of(pid: int, connection: socket.socket) -> int:
    """The exit code of a fork, as subprocess gives it, when nothing that it began is left.

    Raises:
        ConnectionResetError: the parent is gone.
    """
    ended = os.pidfd_open(pid)
    try:
        ready, _, _ = select.select([ended, connection.fileno()], [], [])
        if ended not in ready:
            raise ConnectionResetError
    finally:
        os.close(ended)
    _, status = os.waitpid(pid, 0)
    _end_children(0.0)
    return os.waitstatus_to_exitcode(status)


def _end_children(grace: float) -> None:
    """None is left when this returns. grace: seconds that they get to end by themselves."""
    asked = psutil.Process().children() if grace else []
    for child in asked:
        with contextlib.suppress(psutil.Error):
            child.terminate()
    psutil.wait_procs(asked, grace)
    while left := psutil.Process().children(recursive=True):
        for child in left:
            with contextlib.suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(left, 1.0)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _close(handles: list[int]) -> None:
    for handle in handles:
        os.close(handle)


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
