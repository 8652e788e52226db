"""The store is in use while a stage is looked for or run, by any number of processes; gc works while nobody uses it.

So a run that is found is not deleted before it stands in the journal of the run that found it. Where machines share
finished runs, each in a folder of its own, the home counts too: it is one for all whose journals gc reads.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from components.errors import UserError
from pipelines.settings import Settings

LOCK = ".in-use.lock"


@contextmanager
def used(settings: Settings) -> Iterator[None]:
    """Waits while gc is at work.

    Raises:
        UserError: the store cannot be written.
    """
    with ExitStack() as held:
        for place in _places(settings):
            fcntl.flock(held.enter_context(_opened(place)), fcntl.LOCK_SH)
        yield


@contextmanager
def unused(settings: Settings) -> Iterator[None]:
    """Nobody begins or ends a stage meanwhile.

    Raises:
        UserError: a stage is at work.
    """
    with ExitStack() as held:
        for place in _places(settings):
            try:
                fcntl.flock(held.enter_context(_opened(place)), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    "store-locked", f"a stage is at work on {place}: wait for it, and ask again"
                ) from None
        yield


def _places(settings: Settings) -> list[Path]:
    return [settings.store] if settings.store_remote is None else [settings.store, settings.home]


def _opened(place: Path) -> TextIO:
    try:
        place.mkdir(parents=True, exist_ok=True)
        return (place / LOCK).open("a")
    except OSError as error:
        raise UserError(
            "folder-not-writable",
            f"a store that can be written is needed, {place} cannot be ({error.strerror}): make the disk "
            "writable, or set SELFSUP_HOME and SELFSUP_STORE to other folders",
        ) from None
