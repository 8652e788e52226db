"""The store is in use while a stage is looked for or run, by any number of processes; gc works while nobody uses it.

So a run that is found is not deleted before it stands in the journal of the run that found it.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from components.errors import UserError

LOCK = ".in-use.lock"


@contextmanager
def used(store: Path) -> Iterator[None]:
    """Waits while gc is at work.

    Raises:
        UserError: the store cannot be written.
    """
    with _opened(store) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def unused(store: Path) -> Iterator[None]:
    """Nobody begins or ends a stage meanwhile.

    Raises:
        UserError: a stage is at work.
    """
    with _opened(store) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"a stage is at work on {store}: wait for it, and ask again") from None
        yield


def _opened(store: Path) -> TextIO:
    try:
        store.mkdir(parents=True, exist_ok=True)
        return (store / LOCK).open("a")
    except OSError as error:
        raise UserError(
            f"a store that can be written is needed, {store} cannot be ({error.strerror}): make the disk "
            "writable, or set SELFSUP_STORE to another folder"
        ) from None
