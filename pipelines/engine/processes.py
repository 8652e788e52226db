"""A process and all below it: what it starts with, how much memory they take, and the end of them all."""

import contextlib
import os
import signal
import subprocess
import time
from typing import Protocol

import psutil

from components.cores import ONE_THREAD
from components.data.dvc import user_name
from pipelines.engine.code_digest import ROOT
from pipelines.settings import Settings

TOKEN = "_SELFSUP_STAGE"  # in the environment of a stage's process, so also of those that left its group


class Process(Protocol):
    """What is used of subprocess.Popen."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def terminate(self) -> None: ...


def child_environ(settings: Settings) -> dict[str, str]:
    """The environment of a process of ours: it finds these very modules, writes into the home, and has a user name."""
    environ = {**os.environ, **settings.environ(), **user_name()}
    given = os.environ.get("PYTHONPATH")
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([given] if given else [])])
    environ.update(ONE_THREAD)
    environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # components.data.parquet bounds what it takes
    environ["JE_ARROW_MALLOC_CONF"] = (
        "background_thread:false"  # of a pool that is not used; a thread hinders forks
    )
    environ.setdefault("MPLCONFIGDIR", str(settings.home / "cache" / "matplotlib"))
    return environ


def memory(process: psutil.Process) -> int:
    """Bytes of one process, its part of what is shared included (PSS); 0 when it is gone."""
    try:
        with open(f"/proc/{process.pid}/smaps_rollup") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        with contextlib.suppress(psutil.Error):  # not Linux, or not ours to read
            return int(process.memory_info().rss)
    return 0


def tree(pid: int) -> list[psutil.Process]:
    """The process and its descendants; none when it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def end(process: Process, token: str, grace: float = 10.0) -> None:
    """The process, its group and its descendants are gone when this returns; asked first."""
    below = {p.pid: p for p in tree(process.pid)}
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # it led a group of its own
    for left in [*below.values(), *marked(token)]:
        try:
            left.kill()  # checks that the pid is still the same process
        except psutil.Error:
            continue
    process.wait()
    deadline = time.monotonic() + 2
    while marked(token) and time.monotonic() < deadline:
        time.sleep(0.02)


def tell(process: psutil.Process, number: signal.Signals) -> None:
    """A signal to a process, which may be gone by then."""
    with contextlib.suppress(psutil.Error):
        process.send_signal(number)


def marked(token: str) -> list[psutil.Process]:
    """Processes started, however indirectly, with this token in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN) == token and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
