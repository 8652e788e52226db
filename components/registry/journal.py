"""Who moved the champion, when, why: MLflow's aliases keep no history.

An append-only file of JSON lines, written under a file lock and synced. A move is written twice: "begun" before
the aliases change, "done" after they were read back; see moves.py.
"""

import fcntl
import getpass
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from components.config import Config
from components.files import locked

CHALLENGER = "challenger"  # the three aliases
CHAMPION = "champion"
PREVIOUS = "previous"

Action = Literal["promote", "rollback", "override", "refuse", "found"]
State = Literal["begun", "done", "abandoned"]


class Entry(Config):
    """One line. abandoned: the champion did not become to_version, because of a crash or a person's refusal."""

    time: str  # ISO 8601, UTC
    who: str
    action: Action  # found: somebody moved the alias outside the journal
    state: State
    from_version: str | None
    to_version: str | None
    reason: str
    gate: tuple[dict[str, Any], ...] = ()

    @classmethod
    def now(
        cls,
        who: str,
        action: Action,
        state: State,
        from_version: str | None,
        to_version: str | None,
        reason: str,
        gate: Sequence[dict[str, Any]] = (),
    ) -> "Entry":
        """An entry of this moment."""
        return cls(
            time=_now(), who=who, action=action, state=state, from_version=from_version,
            to_version=to_version, reason=reason, gate=tuple(gate),
        )  # fmt: skip

    def again(self, state: State) -> "Entry":
        """The same move, in another state from now on."""
        return self.model_copy(update={"state": state, "time": _now()})


Held = Callable[[], None]  # raises where the lock may be another's by now


def _always() -> None:
    return None


class Journal:
    """The entries of one model, in `file`. among_machines: a second lock, where others move the same aliases."""

    def __init__(
        self,
        file: Path,
        among_machines: Callable[[], AbstractContextManager[Held]] = lambda: nullcontext(_always),
    ) -> None:
        self.file, self.among_machines = file, among_machines

    def entries(self) -> list[Entry]:
        """All whole entries, oldest first; a line that a crash cut short is none."""
        if not self.file.exists():
            return []
        text = self.file.read_text()
        return [Entry.model_validate_json(line) for line in text[: text.rfind("\n") + 1].splitlines() if line]

    def taken_back(self, version: str) -> Entry | None:
        """The entry by which a person took `version` away or did not let it in, None where that is not the last
        word on it: only a person may make it champion again."""
        last = None
        for entry in self.entries():
            if entry.state == "done" and entry.to_version == version:
                last = None
            away = entry.action in ("rollback", "found") and entry.state == "done"
            if (away and entry.from_version == version) or (
                entry.action == "refuse" and entry.to_version == version
            ):
                last = entry
        return last

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

    @contextmanager
    def lock(self) -> Iterator[Held]:
        """Held around reading the alias, moving it and writing: one mover at a time. What it gives is to be called
        before each move."""
        with locked(self.file.with_suffix(".lock")), self.among_machines() as held:
            yield held


def person() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return f"user {os.getuid()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
