"""The process in which one stage runs: python -m pipelines.engine.child, its job as one line of JSON on stdin.

It dies with its parent and takes its own children with it: stdin stays open as long as the parent lives. As a
job of a Ray cluster it has no parent, its job comes in a variable, and Ray ends what it started. What a stage says
goes through the parent, or the job's log; all that is printed goes into the run's log.txt.
"""

import ctypes
import errno
import json
import os
import shutil
import signal
import sys
import threading
import traceback
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import FrameType
from typing import Any

from components.errors import PassingError, UserError
from components.files import is_full
from pipelines.engine import code_cache
from pipelines.engine.code_digest import code_digest
from pipelines.engine.context import open_channel, tell
from pipelines.engine.manifest import Identity
from pipelines.engine.ray_jobs import VARIABLE
from pipelines.engine.run_once import run_once
from pipelines.engine.store import part_of
from pipelines.settings import Settings

GRACE = 8.0  # seconds between being asked to stop and being made to
CHANGED = "the code was changed while the run was starting; run again"
OTHER = "this node of the Ray cluster has other code than the process that asked: give both the same image"
FULL = ("no space left on device", "disk is full", "disk quota exceeded")


def main() -> int:
    sent = os.environ.pop(VARIABLE, None)
    job = json.loads(sent or sys.stdin.buffer.readline())
    identity, settings = Identity.model_validate(job["identity"]), Settings.model_validate(job["settings"])
    part = part_of(identity.reference, settings.store)
    open_channel(os.fdopen(os.dup(1), "wb"))  # not inherited by children
    if sent is None:
        die_with_parent(job["parent"])
    else:
        signal.signal(signal.SIGTERM, _stop)
    try:
        _print_into(part / "log.txt")
        code_cache.keep_in(settings.home)
        if code_digest(identity.stage, identity.given) != identity.code:
            raise UserError("code-differs", CHANGED if sent is None else OTHER)
        reference, found = run_once(identity, settings, job["run"])
        if found:  # another run has finished it in this moment; what is here is a log of nothing
            shutil.rmtree(part, ignore_errors=True)
        tell({"reference": reference, "found": found})
        return 0
    except UserError as error:
        return _failed(error, _record(error.code, " ".join(str(error).split()), passing(error)))
    except Exception as error:
        if disk_full(error, part):
            place = fullest(part, settings.data, settings.home)
            text = f"the disk is full: free some space for {place} and run again; it resumes"
            return _failed(error, _record("disk-full", text, passes=True))
        if (what := locked_out(error)) is not None:
            text = f"{what}: make it writable and run again, or set SELFSUP_HOME and SELFSUP_DATA to other folders"
            return _failed(error, _record("folder-not-writable", text, passes=False))
        last = " ".join(f"{type(error).__name__}: {error}".split())
        text = f"{last:.300}; the traceback is in {part / 'log.txt'}"
        return _failed(error, _record("", text, passing(error)))


def _record(code: str, text: str, passes: bool) -> dict[str, Any]:
    """What the parent is told of a failure; one with a code is a mistake of the user."""
    return {"mistake": code != "", "code": code, "passing": passes, "error": text}


def disk_full(error: BaseException | None, folder: Path) -> bool:
    """Whether there was no room: libraries say so in many ways, and some in none: the disk is asked too."""
    while error is not None:
        if is_full(error) or any(text in str(error).lower() for text in FULL):
            return True
        error = error.__cause__ or error.__context__
    return _free(folder) < 1 << 20


def passing(error: BaseException | None) -> bool:
    """Whether the cause may pass by itself: a server that does not answer, a database that is locked, memory."""
    while error is not None:
        if isinstance(error, PassingError | ConnectionError | TimeoutError | MemoryError | BrokenProcessPool):
            return True
        if type(error).__name__ == "OperationalError" and "locked" in str(
            error
        ):  # SQLite's, and SQLAlchemy's of it
            return True
        error = error.__cause__ or error.__context__
    return False


def locked_out(error: BaseException | None) -> str | None:
    """The file that could not be touched, and why, where a disk is read-only or somebody else's; else None."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            return f"{error.filename or 'a file'}: {error.strerror}"
        error = error.__cause__ or error.__context__
    return None


def fullest(*places: Path) -> Path:
    """Of these places the one whose disk has the least room left; the first of those on the same disk."""
    return min(places, key=_free)


def _free(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def die_with_parent(parent: int) -> None:
    """Stop when asked to, when the parent is gone, or when it closes stdin; children included."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and decides
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM, 0, 0, 0)  # 1: PR_SET_PDEATHSIG
    if os.getppid() != parent:
        _end_group()
    threading.Thread(target=_until_closed, daemon=True).start()


def _until_closed() -> None:
    while os.read(0, 1024):
        pass
    _end_later()
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _end_later()
    raise SystemExit(128 + number)


def _end_later() -> None:
    timer = threading.Timer(GRACE, _end_group)
    timer.daemon = True
    timer.start()


def _end_group() -> None:
    """This process and all below it, those that left its group included."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        try:
            process.kill()
        except psutil.Error:
            continue
    if os.getpgrp() == os.getpid():  # its own group: nobody else's is ended
        os.killpg(0, signal.SIGKILL)
    os._exit(137)


def _print_into(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _failed(error: Exception, record: dict[str, Any]) -> int:
    try:  # before the word to the parent, which ends this process when it has heard it
        traceback.print_exception(error)
        sys.stderr.flush()
    except OSError:  # no room for a traceback; the word still gets through
        pass
    tell(record)
    return 2 if record["mistake"] else 1


if __name__ == "__main__":
    code = main()
    # What a library left running below this process ends with it, and its exit hooks hold nobody up.
    sys.exit(code)
