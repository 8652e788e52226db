"""What each file of an inbox held when it was last read, so that a file that has not changed is not read again.

A SQLite database beside the store, not part of the data: made anew from the recipe's folder where it is missing, broken
or of another state, which costs a reading of the files; in memory where it cannot be written.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from components.data.checked_files import Stamp

SCHEMA = """
create table if not exists files (path text primary key, id blob not null, size integer, mtime integer,
    ctime integer, inode integer) without rowid;
create table if not exists state (name text primary key, value text not null);
"""
UPSERT = """
insert into files(path, id) values (?, ?) on conflict(path) do update set id = excluded.id, size = null, mtime = null,
    ctime = null, inode = null where id != excluded.id
"""
ASKED = 512  # paths that are asked for at once
UNSURE = 2_000_000_000  # ns; a file younger than this when it is read may change once more within one tick of its time


class Held(NamedTuple):
    """id: of the sample that the file was. stamp: [size, mtime, ctime, inode] of it then; None four times where they
    are not to be trusted."""

    id: bytes
    stamp: list[int | None]

    def unchanged(self, stamp: Stamp) -> bool:
        """Whether a file of this stamp is as it was when last it was read."""
        return self.stamp == [*stamp]


def place(home: Path, recipe: str) -> Path:
    """The database of a recipe."""
    return home / "cache" / "ingest" / f"{recipe}.sqlite"


class FileCache:
    """Path -> id of the sample that it gave last, and by what the file is known.

    Args:
        file: the database; None: in memory.
        inbox: whose files these are.
    """

    def __init__(self, file: Path | None, inbox: Path) -> None:
        self.file, self.inbox = file, str(inbox)
        try:
            self._open()
        except sqlite3.DatabaseError:
            try:
                Path(self.file or "").unlink()
                self._open()
            except (sqlite3.DatabaseError, OSError):
                self.file = None
                self._open()

    def _open(self) -> None:
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(self.file or ":memory:")
        self._base.executescript(SCHEMA)
        if self._state("inbox") != self.inbox:
            self._base.execute("delete from files")
            self._base.execute("delete from state")

    def sync(self, digest: str, names: Iterable[tuple[str, bytes]]) -> None:
        """Brings it to the state `digest` of the recipe's folder. names: (path, id) of all files that are samples;
        read only where it is in another."""
        if self._state("digest") == digest:
            return
        self._base.execute("create temp table named (path text primary key) without rowid")
        for path, id in names:
            self._base.execute("insert or ignore into named values (?)", (path,))
            self._base.execute(UPSERT, (path, id))
        self._base.execute("delete from files where path not in named")
        self._base.execute("drop table named")
        self.commit(digest)

    def held(self, paths: Sequence[str]) -> dict[str, Held]:
        """What these files were when last they were taken; those that never were are left out. At most ASKED paths."""
        marks = ",".join("?" * len(paths))
        found = self._base.execute(f"select * from files where path in ({marks})", paths)
        return {path: Held(id, stamp) for path, id, *stamp in found}

    def put(self, rows: Iterable[tuple[str, bytes, Stamp | None]]) -> None:
        """(path, id, stamp) of files that were read; counts when committed."""
        now = time.time_ns()
        self._base.executemany("insert or replace into files values (?, ?, ?, ?, ?, ?)", _fields(rows, now))

    def begin(self) -> None:
        """From here on what is put can be taken back, until end()."""
        if not self._base.in_transaction:
            self._base.execute("begin")
        self._base.execute("savepoint delivery")

    def take_back(self) -> None:
        self._base.execute("rollback to delivery")
        self.end()

    def end(self) -> None:
        self._base.execute("release delivery")

    def commit(self, digest: str) -> None:
        """What was put counts, in the state `digest` of the recipe's folder."""
        self._base.executemany(
            "insert or replace into state values (?, ?)", [("digest", digest), ("inbox", self.inbox)]
        )
        self._base.commit()

    def close(self) -> None:
        """What was not committed is forgotten."""
        with contextlib.suppress(sqlite3.Error):
            self._base.close()

    def _state(self, name: str) -> str | None:
        found = self._base.execute("select value from state where name = ?", (name,)).fetchone()
        return found[0] if found else None


def _fields(rows: Iterable[tuple[str, bytes, Stamp | None]], now: int) -> Iterator[tuple[object, ...]]:
    for path, id, stamp in rows:
        sure = stamp is not None and now - max(stamp.mtime, stamp.ctime) > UNSURE
        yield (path, id, *(stamp if sure and stamp is not None else (None,) * 4))
