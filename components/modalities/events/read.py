"""Tables of events, a row an event, as histories, a sample a user.

All rows of a table are held as numbers until the last one is read, since those of a user may lie anywhere: 16 bytes an
event, and each name of a user, an item or a kind once.
Letters: R rows, U users.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from components.arrays import Ints
from components.data.csv_text import read_csv
from components.data.label_files import is_label_file
from components.data.reader import Reader, TableSample
from components.data.tables import UNREADABLE, numbered_rows
from components.data.walk import suffix_of
from components.modalities.events.check import check_events
from components.modalities.events.config import EventsConfig, EventsLimits
from components.modalities.events.decode import Event, encode

BATCH = 65_536  # rows of a Parquet file that are read at once


class Cells(NamedTuple):
    """The cells of a row that matter, in the order of `wanted`; or what is wrong with it. line: from 1."""

    line: int
    values: Sequence[Any]
    wrong: str = ""


@dataclass
class Names:
    """Names as numbers, in order of their first occurrence."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))


@dataclass
class Histories:
    """Rows as they come: users, items, kinds [R] are numbers of names. wrong: user -> what is the matter."""

    user: Names = field(default_factory=Names)
    item: Names = field(default_factory=Names)
    kind: Names = field(default_factory=Names)
    users: "array[int]" = field(default_factory=lambda: array("i"))
    items: "array[int]" = field(default_factory=lambda: array("i"))
    kinds: "array[int]" = field(default_factory=lambda: array("h"))
    times: "array[float]" = field(default_factory=lambda: array("d"))
    wrong: dict[int, str] = field(default_factory=dict)
    beside: dict[int, tuple[str, str]] = field(default_factory=dict)


class EventsReader(Reader):
    """Tables of events; a user is a sample."""

    noun = "events"

    def __init__(self, config: EventsConfig, limits: EventsLimits) -> None:
        self.config, self.limits, self.max_bytes = config, limits, limits.max_bytes
        columns = f"{config.user}, {config.item} and {config.time}"
        self.wanted = (
            f"tables (CSV, TSV, JSON lines, Parquet) with columns {columns}; set modality.user, item and time"
        )

    def is_table(self, path: str, columns: set[str]) -> bool:
        """Every table with the columns of users, items and times, except label files."""
        return not is_label_file(path) and {self.config.user, self.config.item, self.config.time} <= columns

    def count(self, file: Path) -> int:
        """Users, and rows without one."""
        users, nameless = set[str](), 0
        for row in cells_of(file, [self.config.user]):
            name = "" if row.wrong else _name(row.values[0])
            nameless += not name
            users.add(name)
        return len(users - {""}) + nameless

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        config = self.config
        origin, group = (name.lower() if name else None for name in (source, self.group))
        more = [name for name in (origin, group) if name]
        found = Histories()
        for row in cells_of(file, [config.user, config.item, config.time, config.kind, *more]):
            user = "" if row.wrong else _name(row.values[0])
            if not user:
                said = row.wrong or f"no value in the column {config.user}"
                yield TableSample(f"{delivery}#{row.line}", _bad(f"line {row.line}: {said}"))
                continue
            number = found.user.number(user)
            if more and number not in found.beside:
                extra = iter(row.values[4:])
                own = [_name(next(extra)) if name else "" for name in (origin, group)]
                found.beside[number] = (own[0], own[1])
            _add(found, number, row, config)
        yield from _samples(found)

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        return check_events(batch, self.limits)


def cells_of(file: Path, wanted: Sequence[str]) -> Iterator[Cells]:
    """The rows of a table, of each the columns `wanted`; None where the table lacks one.

    Raises:
        ValueError: the file cannot be read to its end; one line.
    """
    match suffix_of(file.name):
        case ".parquet":
            return _of_parquet(file, wanted)
        case ".jsonl":
            return (
                Cells(line, [row.get(name) for name in wanted])
                for line, row in numbered_rows(file, numeric=True)
            )
        case _:
            return _of_text(file, wanted)


def moment(value: Any) -> float | None:
    """A time as a number: itself, or seconds since 1970 of a date; None where it is neither.

    "12.5" is 12.5, "1970-01-02" and "1970-01-02T00:00Z" are 86400.
    """
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return _date(value)
        return number if np.isfinite(number) else None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        return None
    return float(value)


def _date(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _add(found: Histories, user: int, row: Cells, config: EventsConfig) -> None:
    """One event of a user, or what is wrong with it."""
    _, item, time, kind, *_ = row.values
    name, when = _name(item), moment(time)
    if not name:
        found.wrong.setdefault(user, f"line {row.line}: no value in the column {config.item}")
    elif when is None:
        said = f"time {str(time)[:40]!r} is neither a number nor a date as in 2026-01-31T09:00"
        found.wrong.setdefault(user, f"line {row.line}: {said}")
    else:
        found.users.append(user)
        found.items.append(found.item.number(name))
        found.times.append(when)
        found.kinds.append(found.kind.number(_name(kind)))


def _samples(found: Histories) -> Iterator[TableSample]:
    """The users in order of their first row; of each the events in order of time, those of one time in order of the
    rows."""
    users, items, kinds = (np.array(list_) for list_ in (found.users, found.items, found.kinds))
    times = np.frombuffer(found.times, np.float64) if found.times else np.zeros(0)
    order: Ints = np.lexsort((times, users))
    counts = np.bincount(users, minlength=len(found.user.numbers)) if len(users) else np.zeros(0, np.int64)
    ends = np.concatenate([np.cumsum(counts), np.zeros(len(found.user.numbers) - len(counts), np.int64)])
    item, kind = list(found.item.numbers), list(found.kind.numbers)
    for number, name in enumerate(found.user.numbers):
        if number in found.wrong:
            yield TableSample(name, _bad(f"user {name[:60]}: {found.wrong[number]}"))
            continue
        own = order[ends[number] - counts[number] : ends[number]]
        events = (
            Event(item[i], t, kind[k])
            for i, t, k in zip(items[own].tolist(), times[own].tolist(), kinds[own].tolist(), strict=True)
        )
        source, group = found.beside.get(number, ("", ""))
        yield TableSample(name, encode(events), "", source, group)


def _bad(said: str) -> bytes:
    """Bytes that `check` refuses with these words."""
    return said.encode("utf-8", "backslashreplace")


def _name(value: Any) -> str:
    """A name as text: 7 and 7.0 are "7"; "" where there is none."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _of_text(file: Path, wanted: Sequence[str]) -> Iterator[Cells]:
    try:
        rows = read_csv(file, uneven=True)
        _, names = next(rows)
        width, places = len(names), [names.index(name) if name in names else -1 for name in wanted]
        for line, values in rows:
            if len(values) != width:
                yield Cells(line, (), f"{len(values)} values for {width} columns: {', '.join(values)[:100]}")
            else:
                yield Cells(line, [values[place] if place >= 0 else None for place in places])
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{UNREADABLE}: {str(error)[:200]}") from None


def _of_parquet(file: Path, wanted: Sequence[str]) -> Iterator[Cells]:
    import pyarrow as pa  # 0.2 s that readers of files need not wait for

    from components.data.parquet import batches, opened

    try:
        with opened(file) as parquet:
            spelled = {name.strip().lower(): name for name in reversed(parquet.schema_arrow.names)}
            there = [name for name in wanted if name in spelled]
            line = 0
            for batch in batches(file, parquet, BATCH, [spelled[name] for name in there]):
                columns = {name: batch.column(spelled[name]).to_pylist() for name in there}
                missing = [None] * batch.num_rows
                for values in zip(*(columns.get(name, missing) for name in wanted), strict=True):
                    line += 1
                    yield Cells(line, values)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ValueError(f"{UNREADABLE}: {str(error)[:200]}") from None
