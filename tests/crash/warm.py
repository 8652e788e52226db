"""Processes that begin with everything imported: forked from a server that takes its seconds for that once.

What runs in them is what runs elsewhere: pipelines.engine.execute starts pipelines.engine.child, in a session of its
own and with its pipes; only that both are forks and no new interpreters.
"""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from subprocess import PIPE, TimeoutExpired
from types import SimpleNamespace

from pipelines.engine import child, execute

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
    execute.subprocess = SimpleNamespace(Popen=Fork, PIPE=PIPE, TimeoutExpired=TimeoutExpired)  # type: ignore
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<driver>", "exec"), {"__name__": "__main__"})


class Fork:
    """What pipelines.engine.execute uses of subprocess.Popen."""

    def __init__(self, command: list[str], *, env: dict[str, str], **rest: object) -> None:
        assert command[1:] == ["-m", "pipelines.engine.child"]
        (read0, write0), (read1, write1), (read2, write2) = (os.pipe() for _ in range(3))
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _live((read0, write1, write2), (write0, read1, read2), env)
        for handle in (read0, write1, write2):
            os.close(handle)
        self.stdin = os.fdopen(write0, "wb")
        self.stdout, self.stderr = os.fdopen(read1, "rb", 0), os.fdopen(read2, "rb", 0)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = 600) -> int:
        until = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > until:
                raise TimeoutExpired("pipelines.engine.child", timeout)
            time.sleep(0.02)
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


def _live(own: tuple[int, int, int], others: tuple[int, int, int], env: dict[str, str]) -> None:
    """The forked process, from its beginning to its end."""
    code = 1
    try:
        os.setsid()
        for place, handle in enumerate(own):
            os.dup2(handle, place)
        for handle in (*own, *others):
            os.close(handle)
        os.environ.clear()
        os.environ.update(env)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        code = child.main()
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        os._exit(code)
