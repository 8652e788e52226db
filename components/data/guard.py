"""Who may touch a recipe's folder: one writer alone, or any number of readers.

The folder itself is locked, so that no file in it tells of the lock and its content stays what it is.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import UserError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Nobody else writes or reads meanwhile; waits for those who do. Makes the folder where it is missing.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            "folder-not-writable",
            f"a data folder that can be written is needed, {folder} cannot be made ({error.strerror}); "
            f"make it writable or set SELFSUP_DATA to another",
        ) from None
    with _held(folder, fcntl.LOCK_EX):
        yield


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Nobody writes meanwhile.

    Raises:
        UserError: there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(
            "no-data-folder", f"no data at {folder}; put samples into the recipe's inbox and run ingest"
        )
    with _held(folder, fcntl.LOCK_SH):
        yield


@contextmanager
def _held(folder: Path, how: int) -> Iterator[None]:
    while True:
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, how)
            if folder.exists() and os.path.samestat(os.fstat(handle), os.stat(folder)):
                yield
                return
        finally:
            os.close(handle)
        # A checkout has put another folder in its place while we waited: that one is to be locked.
