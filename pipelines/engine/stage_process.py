"""Starts the process in which a stage runs: the one place that does.

Within serving() it is a fork of a server (fork_server.py) that has imported what the stages before it needed, so a run
imports torch, MLflow and pyarrow once and not in every stage. Elsewhere, on systems other than Linux and where a fork
would not be safe, it is an interpreter of its own. What runs in it is the same.
"""

import contextlib
import json
import logging
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any, NamedTuple

from pipelines.engine import processes
from pipelines.settings import Settings

FORKS = sys.platform == "linux" and hasattr(os, "pidfd_open")
Stages = Sequence[
    tuple[str, Mapping[str, Any]]
]  # name, and request as given: what is imported before the fork
log = logging.getLogger(__name__)
_server: "_Server | None" = None


class Fork:
    """A fork of the server, with what subprocess.Popen has of methods and attributes that are used here."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid, self._connection = pid, connection
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._code(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises:
        TimeoutExpired: it still runs after so many seconds.
        """
        if (code := self._code(timeout)) is None:
            raise subprocess.TimeoutExpired("fork of the stage server", timeout or 0.0)
        return code

    def terminate(self) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def _code(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], timeout)[0]:
            told = _told(self._connection)
            self.returncode = -signal.SIGKILL if told is None else int(told["code"])  # the server was killed
        return self.returncode


class Started(NamedTuple):
    """above: process ids whose memory belongs to the stage as well. parent: the process that started it."""

    process: "subprocess.Popen[bytes] | Fork"
    parent: int
    above: tuple[int, ...]


@contextmanager
def serving(settings: Settings) -> Iterator[None]:
    """Stages that are started meanwhile are forks of one server, which begins with the first and ends with this."""
    global _server
    if not FORKS or _server is not None:
        yield
        return
    with tempfile.TemporaryFile() as said:
        _server = _Server(settings, said)
        try:
            yield
        finally:
            server, _server = _server, None
            server.close()


def start(
    main: str,
    arguments: Sequence[str],
    files: tuple[IO[Any], IO[Any], IO[Any]],
    environ: Mapping[str, str],
    stages: Stages = (),
) -> Started:
    """Run main() of a module of ours in a session of its own.

    files: what it gets as standard input, output and error. stages: what a server imports before it forks.
    """
    if _server is not None and (forked := _server.fork(main, arguments, files, environ, stages)) is not None:
        return forked
    stdin, stdout, stderr = files
    command = [sys.executable, "-m", main, *arguments]
    process = subprocess.Popen(
        command, stdin=stdin, stdout=stdout, stderr=stderr, env=dict(environ), start_new_session=True
    )
    return Started(process, os.getpid(), ())


def call(
    main: str, arguments: Sequence[str], given: str, environ: Mapping[str, str], stages: Stages = ()
) -> tuple[int, str, str]:
    """Run main() of a module of ours, which may import much, until it has ended.

    Args:
        given: its standard input. stages: see start().

    Returns:
        Its exit code, and what it wrote to standard output and error.
    """
    token = secrets.token_hex(8)
    with ExitStack() as files:
        stdin, stdout, stderr = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        stdin.write(given.encode())
        stdin.seek(0)
        its = (stdin, stdout, stderr)
        process = start(main, arguments, its, {**environ, processes.TOKEN: token}, stages).process
        try:
            code = process.wait()
        finally:
            processes.end(process, token)
        stdout.seek(0)
        stderr.seek(0)
        return code, stdout.read().decode(errors="replace"), stderr.read().decode(errors="replace")


class _Server:
    """The process, begun when it is first needed, and again where it was killed."""

    def __init__(self, settings: Settings, said: IO[bytes]) -> None:
        """said: gets what its imports print."""
        self.settings, self.said, self.token = settings, said, secrets.token_hex(8)
        self.process: subprocess.Popen[bytes] | None = None
        self.connection: socket.socket | None = None

    def fork(
        self,
        main: str,
        arguments: Sequence[str],
        files: tuple[IO[Any], IO[Any], IO[Any]],
        environ: Mapping[str, str],
        stages: Stages,
    ) -> Started | None:
        """None where an interpreter has to be started instead."""
        if self.process is None or self.process.poll() is not None:
            self._open()
        assert self.process is not None
        assert self.connection is not None
        asked = {
            "main": main, "arguments": list(arguments), "environ": dict(environ), "folder": os.getcwd(),
            "stages": [list(stage) for stage in stages],
        }  # fmt: skip
        text = json.dumps(asked).encode()
        try:
            socket.send_fds(self.connection, [len(text).to_bytes(8)], [file.fileno() for file in files])
            self.connection.sendall(text)
            told = _told(self.connection)
        except (BrokenPipeError, ConnectionResetError):
            told = None
        if told is None:
            told = {"refused": "the server has ended"}
        if "refused" in told:
            log.warning("no fork of the stage server (%s): an interpreter is started", told["refused"])
            return None
        fork = Fork(int(told["pid"]), self.connection)
        return Started(fork, self.process.pid, (self.process.pid,))

    def _open(self) -> None:
        self.close()
        self.connection, theirs = socket.socketpair()
        environ = {**processes.child_environ(self.settings), processes.TOKEN: self.token}
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.engine.fork_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self.said,
                stderr=self.said,
                env=environ,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()  # by which it ends
        if self.process is not None:
            processes.end(self.process, self.token)
        self.connection = self.process = None


def _told(connection: socket.socket) -> dict[str, Any] | None:
    """The next line that the server sends; None where it has ended."""
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(1)  # no more than this line: the next may be the exit code
        if not part:
            return None
        line += part
    told: dict[str, Any] = json.loads(line)
    return told
