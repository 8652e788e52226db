"""Who moved the champion, when, why: MLflow's aliases keep no history and know no compare-and-set.

An append-only file of JSON lines, one a move, written under a file lock and synced. A move is written
twice: "begun" before the aliases change, "done" after they were read back. `reconcile` ends what a crash
left open, and records a champion that somebody set by hand.
"""

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from components.config import Config
from components.files import locked

CHAMPION = "champion"
PREVIOUS = "previous"

State = Literal["begun", "done", "abandoned"]


class Aliases(Protocol):
    """What the journal needs of a registry."""

    def alias(self, alias: str) -> str | None: ...
    def set_alias(self, alias: str, version: str | None) -> None: ...


class Entry(Config):
    """One line."""

    time: str  # ISO 8601, UTC
    who: str
    action: str  # promote, rollback, override, or found: moved by somebody outside
    state: State
    from_version: str | None
    to_version: str | None
    reason: str
    gate: tuple[dict[str, Any], ...] = ()


class MovedError(RuntimeError):
    """The champion is not the one the decision was made against: decide again."""


class Journal:
    """The entries of one model, in `file`."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def entries(self) -> list[Entry]:
        """All whole entries, oldest first; a line that a crash cut short is none."""
        if not self.file.exists():
            return []
        text = self.file.read_text()
        return [Entry.model_validate_json(line) for line in text[: text.rfind("\n") + 1].splitlines() if line]

    def append(self, entry: Entry) -> Entry:
        """Write one entry to the disk, after what is whole."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a+b") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            out.seek(0)
            raw = out.read()
            whole = raw.rfind(b"\n") + 1
            if whole < len(raw):  # half a line, from a power cut: it must not spoil the next
                out.truncate(whole)
            out.write(json.dumps(entry.model_dump()).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
        return entry

    def lock(self) -> Any:
        """Held around reading the alias, moving it and writing: one mover at a time."""
        return locked(self.file.with_suffix(".lock"))


def move(
    registry: Aliases,
    journal: Journal,
    to_version: str,
    *,
    expected: str | None,
    who: str,
    action: str,
    reason: str,
    gate: list[dict[str, Any]] | None = None,
) -> Entry:
    """Make `to_version` the champion and the champion of now the previous one.

    Args:
        expected: the champion against which the decision was made.

    Raises:
        MovedError: the champion is another by now; nothing was changed.
    """
    with journal.lock():
        reconcile(registry, journal)
        champion = registry.alias(CHAMPION)
        if champion != expected:
            raise MovedError(f"the champion was version {expected}, and is {champion} now: decide again")
        begun = Entry(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            who=who,
            action=action,
            state="begun",
            from_version=champion,
            to_version=to_version,
            reason=reason,
            gate=tuple(gate or ()),
        )
        if champion == to_version:
            return begun.model_copy(update={"state": "done"})  # nothing moved, nothing to write
        journal.append(begun)
        registry.set_alias(CHAMPION, to_version)
        registry.set_alias(PREVIOUS, champion)
        return _close(registry, journal, begun)


def reconcile(registry: Aliases, journal: Journal) -> Entry | None:
    """Make the journal and the aliases agree after a crash; call it with the lock held.

    Returns:
        the entry that was written, None where they agreed.
    """
    entries = journal.entries()
    champion = registry.alias(CHAMPION)
    last = entries[-1] if entries else None
    if last is not None and last.state == "begun":
        if champion == last.to_version:  # the crash came after the move
            registry.set_alias(PREVIOUS, last.from_version)
            return _close(registry, journal, last)
        last = journal.append(_again(last, "abandoned"))
        if champion == last.from_version:  # the crash came before it
            return last
    standing = None if last is None else last.from_version if last.state == "abandoned" else last.to_version
    if champion == standing:
        return None
    found = Entry(
        time=datetime.now(UTC).isoformat(timespec="milliseconds"),
        who="unknown",
        action="found",
        state="done",
        from_version=standing,
        to_version=champion,
        reason="the alias was moved outside the journal",
    )
    return journal.append(found)


def _close(registry: Aliases, journal: Journal, begun: Entry) -> Entry:
    now = registry.alias(CHAMPION), registry.alias(PREVIOUS)
    if now != (begun.to_version, begun.from_version):
        wanted = begun.to_version, begun.from_version
        raise MovedError(f"champion and previous should be {wanted}, and are {now}")
    return journal.append(_again(begun, "done"))


def _again(entry: Entry, state: State) -> Entry:
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return entry.model_copy(update={"state": state, "time": time})
