"""Files that are on the disk in full or not at all, and locks that hold among all processes of this machine."""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from components.errors import UserError


def write_atomically(file: Path, write: Callable[[BinaryIO], object]) -> None:
    """`file` is either as before or complete, whenever the machine stops. write: fills the open stream.

    What a kill may leave behind is named `.NAME.tmp`.
    """
    part = file.with_name(f".{file.name}.tmp")
    with part.open("wb") as stream:
        write(stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)
    fsync(file.parent)


def fsync(path: Path) -> None:
    """A file's content, or a folder's names, are on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on `file` (made where it is missing) among all processes of this machine."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def enough_room(folder: Path, needed: int) -> None:
    """Refuse before the work what could not be written after it. needed: bytes."""
    if shutil.disk_usage(folder).free < needed:
        raise UserError(
            "disk-full",
            f"no room on the disk of {folder}: {needed / 1e6:,.0f} MB are needed; free some, or set SELFSUP_HOME to a "
            "larger disk",
        )


def is_full(error: BaseException) -> bool:
    """Whether the error is that of a disk, or of a share of it, with no room left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
