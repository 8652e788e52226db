"""Processes that begin with everything imported: forked from a server that takes its seconds for that once.

What runs in them is what runs elsewhere: pipelines.engine.stage_process starts a module, in a session of
its own and with its pipes; only that both are forks and no new interpreters.
"""

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from subprocess import TimeoutExpired
from types import SimpleNamespace
from typing import IO

from pipelines.engine import stage_process

HEAVY = ("mlflow.pyfunc", "onnx", "onnxscript", "pandas", "ray.data", "ray.train.torch", "sklearn", "torch")


def run(code: str, arguments: tuple[str, ...], environ: dict[str, str], folder: Path) -> tuple[int, str]:
    """`python -c code arguments`, in `folder`; the exit code, and all that was written to stdout and stderr."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__name__}_imports"])
    out = folder / f"said-{time.monotonic_ns()}"
    process = context.Process(target=_begin, args=(code, arguments, environ, folder, out))
    process.start()
    process.join()
    said = out.read_text()
    out.unlink()
    assert process.exitcode is not None
    return process.exitcode, said


def _begin(code: str, arguments: tuple[str, ...], environ: dict[str, str], folder: Path, out: Path) -> None:
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    stage_process.FORKS = False  # the server would import what is here already
    stage_process.subprocess = SimpleNamespace(Popen=Fork, TimeoutExpired=TimeoutExpired)  # type: ignore
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<driver>", "exec"), {"__name__": "__main__"})


class Fork:
    """What pipelines.engine.stage_process uses of subprocess.Popen."""

    def __init__(
        self, command: list[str], *, stdin: IO[bytes], stdout: IO[bytes], stderr: IO[bytes], env: dict[str, str],
        start_new_session: bool,
    ) -> None:  # fmt: skip
        _, _, main, *arguments = command
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _live((stdin.fileno(), stdout.fileno(), stderr.fileno()), env, main, arguments)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = 600) -> int:
        until = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > until:
                raise TimeoutExpired("a fork", timeout)
            time.sleep(0.02)
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


def _live(own: tuple[int, int, int], env: dict[str, str], main: str, arguments: list[str]) -> None:
    """The forked process, from its beginning to its end."""
    code = 1
    try:
        os.setsid()
        for place, handle in enumerate(own):
            os.dup2(handle, place)
        _close_other_ends()
        os.environ.clear()
        os.environ.update(env)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        sys.argv = [main, *arguments]
        code = importlib.import_module(main).main()
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        os._exit(code)


def _close_other_ends() -> None:
    """Those that the parent has of the pipes that are 0, 1 and 2 here: a fork inherits them."""
    ours = {os.fstat(place).st_ino for place in range(3)}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the listing
            if int(name) > 2 and os.fstat(int(name)).st_ino in ours:
                os.close(int(name))
