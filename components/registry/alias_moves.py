"""Moves of the champion: compare and set, which MLflow's aliases do not know, and an end to what a crash left.

One mover at a time holds the journal's lock, and makes sure of it before each alias that he moves. `reconcile` ends
what a crash left open, and records a champion that somebody set by hand.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from components.crash import point
from components.errors import UserError
from components.registry.journal import CHALLENGER, CHAMPION, PREVIOUS, Action, Entry, Held, Journal


class Aliases(Protocol):
    """What the journal needs of a registry."""

    def alias(self, alias: str) -> str | None: ...
    def set_alias(self, alias: str, version: str | None) -> None: ...
    def exists(self, version: str) -> bool: ...


class MovedError(UserError):
    """The champion is not the one the decision was made against: decide again."""


class _Guarded:
    """A registry whose aliases move only while the lock is held."""

    def __init__(self, registry: Aliases, held: Held) -> None:
        self.registry, self.held = registry, held
        self.alias, self.exists = registry.alias, registry.exists

    def set_alias(self, alias: str, version: str | None) -> None:
        self.held()
        self.registry.set_alias(alias, version)


@contextmanager
def _alone(registry: Aliases, journal: Journal) -> Iterator[Aliases]:
    with journal.lock() as held:
        yield _Guarded(registry, held)


def move(
    registry: Aliases,
    journal: Journal,
    to_version: str,
    *,
    expected: str | None,
    who: str,
    action: Action,
    reason: str,
    gate: Sequence[dict[str, Any]] = (),
) -> Entry:
    """Make `to_version` the champion and the champion of now the previous one.

    Args:
        expected: the champion against which the decision was made.

    Raises:
        MovedError: the champion is another by now; nothing was changed.
        ConnectionError: the lock was held for too long; the next call ends what was begun.
    """
    with _alone(registry, journal) as registry:
        reconcile(registry, journal)
        champion = registry.alias(CHAMPION)
        if champion != expected:
            before, now = (f"version {v}" if v else "none" for v in (expected, champion))
            raise MovedError(
                "champion-moved",
                f"the champion was {before} when this was decided, and is {now} now: decide again",
            )
        begun = Entry.now(who, action, "begun", champion, to_version, reason, gate)
        if champion == to_version:
            return begun.model_copy(update={"state": "done"})  # nothing moved, nothing to write
        return _make(registry, journal, begun)


def roll_back(registry: Aliases, journal: Journal, *, who: str, reason: str) -> Entry:
    """Make the previous champion the champion again; done twice it changes nothing.

    Raises:
        UserError: there is no previous champion.
    """
    with _alone(registry, journal) as registry:
        reconcile(registry, journal)
        previous = registry.alias(PREVIOUS)
        if previous is None:
            raise UserError(
                "no-previous-champion",
                "there is no previous champion to go back to; `selfsup history` shows what there was, and "
                "`selfsup promote` takes any version that passes the gate",
            )
        champion = registry.alias(CHAMPION)
        return _make(registry, journal, Entry.now(who, "rollback", "begun", champion, previous, reason))


def refuse(registry: Aliases, journal: Journal, version: str, *, who: str, reason: str) -> Entry:
    """Write down that a person did not let `version` become champion."""
    with _alone(registry, journal) as registry:
        reconcile(registry, journal)
        return journal.append(
            Entry.now(who, "refuse", "abandoned", registry.alias(CHAMPION), version, reason)
        )


def settle(registry: Aliases, journal: Journal) -> str | None:
    """The champion, after what a crash or a hand left behind is set right."""
    with _alone(registry, journal) as registry:
        reconcile(registry, journal)
        return registry.alias(CHAMPION)


def reconcile(registry: Aliases, journal: Journal) -> Entry | None:
    """Make the journal and the aliases agree after a crash or a move by hand; call it with the lock held.

    Returns:
        the entry that was written, None where they agreed.
    """
    entries = journal.entries()
    champion = registry.alias(CHAMPION)
    last = entries[-1] if entries else None
    if last is not None and last.state == "begun":
        if champion == last.to_version:  # the crash came after the move
            _set_previous(registry, last)
            return _close(registry, journal, last)
        last = journal.append(last.again("abandoned"))
        if champion == last.from_version:  # the crash came before it
            return last
    standing = None if last is None else last.from_version if last.state == "abandoned" else last.to_version
    if champion == standing:
        return None
    reason = "the alias was moved outside the journal"
    found = Entry.now("unknown", "found", "done", standing, champion, reason)
    _set_previous(registry, found)  # so that a rollback undoes it
    return journal.append(found)


def _make(registry: Aliases, journal: Journal, begun: Entry) -> Entry:
    journal.append(begun)
    point("promote.begun")
    registry.set_alias(CHAMPION, begun.to_version)
    point("promote.champion")
    _set_previous(registry, begun)
    point("promote.previous")
    return _close(registry, journal, begun)


def _previous(registry: Aliases, entry: Entry) -> str | None:
    """The previous champion after this move: the one it replaced; where that is gone, the one before it."""
    if entry.from_version is not None and registry.exists(entry.from_version):
        return entry.from_version
    stays = registry.alias(PREVIOUS)
    return None if stays == entry.to_version else stays


def _set_previous(registry: Aliases, entry: Entry) -> None:
    wanted = _previous(registry, entry)
    if wanted != registry.alias(PREVIOUS):
        registry.set_alias(PREVIOUS, wanted)


def _close(registry: Aliases, journal: Journal, begun: Entry) -> Entry:
    now = registry.alias(CHAMPION), registry.alias(PREVIOUS)
    wanted = begun.to_version, _previous(registry, begun)
    if now != wanted:
        raise MovedError("champion-moved", f"champion and previous should be {wanted}, and are {now}")
    if begun.to_version is not None and registry.alias(CHALLENGER) == begun.to_version:
        registry.set_alias(CHALLENGER, None)
    return journal.append(begun.again("done"))
