"""Series out of tables: long ones, a row a time step, and wide ones, a row a series.

A long table is held in memory as a whole (8 bytes a cell), since the rows of its series may be mixed.
Letters: T time steps, C channels.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.arrays import Doubles, Floats, Ints
from components.data.label_files import USED
from components.data.tables import UNREADABLE
from components.modalities.series.config import SeriesConfig
from components.modalities.table.cells import MISSING, number
from components.modalities.table.read import Row, text_rows

Cells = Mapping[str, str | None]
GRID = 1_000_000  # time steps of a series beyond which a column of times and `step` cannot belong together


class Found(NamedTuple):
    """One series of a table. values: [T, C], or why there are none. labels: [T] of its rows, "" where there is none.

    name: "" where the table names none. source, group: of its first row.
    """

    name: str
    values: Floats | Doubles | str
    labels: Sequence[str]
    source: str = ""
    group: str = ""


@dataclass
class _Growing:
    """A series as its rows come. wrong: what is the matter with it."""

    source: str
    group: str
    values: "array[float]" = field(default_factory=lambda: array("d"))
    times: "array[float]" = field(default_factory=lambda: array("d"))
    labels: list[str] = field(default_factory=list)
    wrong: str = ""


def value_columns(columns: Sequence[str] | set[str], config: SeriesConfig, *more: str | None) -> list[str]:
    """Columns of the channels: those that the recipe names, or all that are nothing else, in the order of their names
    in a long table, and in their own order in a wide one. more: columns that hold no values either."""
    if config.channels and config.form == "long":
        return list(config.channels)
    out = config.no_values | {name for name in more if name} | (set(USED) if config.form == "long" else set())
    found = [name for name in columns if name and name not in out]
    return sorted(found) if config.form == "long" else found


def read_table(file: Path, config: SeriesConfig, source: str | None, group: str | None) -> Iterator[Found]:
    """The series of a table, in order of their first row.

    source, group: columns that say where a sample comes from, and which samples belong together.

    Raises:
        ValueError: the file cannot be read to its end, or has no column of the series; one line.
    """
    rows = text_rows(file)
    if config.form == "wide":
        yield from _wide(rows, config, source, group)
    else:
        yield from _long(rows, config, source, group)


def _wide(
    rows: Iterator[Row], config: SeriesConfig, source: str | None, group: str | None
) -> Iterator[Found]:
    columns = list[str]()
    for line, cells in rows:
        if isinstance(cells, str):
            yield Found("", f"line {line}: {cells}", [])
            continue
        columns = columns or value_columns(list(cells), config, source, group)
        values, wrong = _numbers(cells, columns, config.decimal, line)
        there = np.flatnonzero(~np.isnan(values))
        own = (
            cells.get(name) or "" if name else ""
            for name in (config.series, config.label_column, source, group)
        )
        name, label, origin, together = own
        kept = values[: int(there[-1]) + 1 if len(there) else len(values), None]
        yield Found(name, wrong or kept, [label], origin, together)


def _long(
    rows: Iterator[Row], config: SeriesConfig, source: str | None, group: str | None
) -> Iterator[Found]:
    series, columns = dict[str, _Growing](), list[str]()
    timed = False
    for line, cells in rows:
        if isinstance(cells, str):
            yield Found("", f"line {line}: {cells}", [])
            continue
        if not columns:
            columns, timed = _layout(cells, config, source, group)
        name = cells.get(config.series)
        if not name:
            yield Found("", f"line {line}: no value in the column {config.series}", [])
            continue
        one = series.get(name)
        if one is None:
            origin, together = (cells.get(column) or "" if column else "" for column in (source, group))
            one = series[name] = _Growing(origin, together)
        values, wrong = _numbers(cells, columns, config.decimal, line)
        one.values.extend(values.tolist())
        one.labels.append(cells.get(config.label_column) or "")
        if timed and not wrong:
            moment = _moment(cells.get(config.time_column), config.decimal)
            one.times.append(moment)
            if np.isnan(moment):
                what = cells.get(config.time_column)
                wrong = (
                    f"line {line}: time {what!r:.40} is neither a number nor a date as in 2026-01-31T09:00"
                )
        one.wrong = one.wrong or wrong
    for name, one in series.items():
        yield _finished(name, one, len(columns), config, timed)


def _layout(
    cells: Cells, config: SeriesConfig, source: str | None, group: str | None
) -> tuple[list[str], bool]:
    """The columns of values, and whether there is one of times.

    Raises:
        ValueError: a column that is required is missing.
    """
    wanted = [config.series, *config.channels, *([config.time] if config.time else [])]
    if config.step is not None:
        wanted.append(config.time_column)
    for name in wanted:
        if name not in cells:
            known = ", ".join(cells)[:200]
            raise ValueError(
                f"{UNREADABLE}: the column {name} is required, it has {known}; set modality.series, time and channels"
                " to columns that are there, or modality.form to wide where a row is a series"
            )
    columns = value_columns(list(cells), config, source, group)
    if not columns:
        raise ValueError(f"{UNREADABLE}: a column of values is required, it has {', '.join(cells)[:200]}")
    return columns, config.time_column in cells


def _finished(name: str, one: _Growing, channels: int, config: SeriesConfig, timed: bool) -> Found:
    """In order of time, gaps filled in."""
    if one.wrong:
        return Found(name, f"series {name[:60]}: {one.wrong}", one.labels, one.source, one.group)
    values = np.frombuffer(one.values, np.float64).reshape(-1, channels)
    if not timed:
        return Found(name, values, one.labels, one.source, one.group)
    times = np.frombuffer(one.times, np.float64)
    order = np.argsort(times, kind="stable")
    place: Ints = np.arange(len(order))
    if config.step is not None:
        exact = (times[order] - times[order[0]]) / config.step
        if exact[-1] >= GRID:
            wrong = f"{exact[-1] + 1:.3g} steps of {config.step:g} from the first to the last time, allowed {GRID}"
            return Found(
                name, f"series {name[:60]}: {wrong}; set modality.step", one.labels, one.source, one.group
            )
        place = np.round(exact).astype(np.int64)
    moments = times[order] if config.step is None else place
    if len(doubled := np.flatnonzero(np.diff(moments) == 0)):
        where = order[int(doubled[0]) + 1]
        wrong = f"two rows of one time ({_said(one.times[where])})"
        return Found(name, f"series {name[:60]}: {wrong}", one.labels, one.source, one.group)
    whole = np.full((int(place[-1]) + 1, channels), np.nan)
    whole[place] = values[order]
    labels = np.full(len(whole), "", dtype=object)
    labels[place] = np.array(one.labels, dtype=object)[order]
    if config.step is not None and len(whole) > len(order):  # a gap is labelled as what stands before it
        before = np.maximum.accumulate(
            np.where(np.isin(np.arange(len(whole)), place), np.arange(len(whole)), 0)
        )
        labels = labels[before]
    return Found(name, whole, labels.tolist(), one.source, one.group)


def _numbers(cells: Cells, columns: Sequence[str], decimal: str, line: int) -> tuple[Doubles, str]:
    """[C], NaN where a value is missing; and what is wrong, "" where nothing is."""
    values = np.full(len(columns), np.nan)
    for place, column in enumerate(columns):
        text = cells.get(column)
        if text is None or text in MISSING:
            continue
        values[place] = _number(text, decimal)
        if np.isnan(values[place]):
            return values, f"line {line}: {text[:40]!r} in column {column[:40]} is not a number"
    return values, ""


def _number(text: str, decimal: str) -> float:
    """The number in a cell; NaN where it is none, or infinite."""
    if decimal == ".":
        try:
            value = float(text)
        except ValueError:
            return number(text.strip(), decimal)
        return value if np.isfinite(value) else np.nan
    return number(text.strip(), decimal)


def _moment(text: str | None, decimal: str) -> float:
    """A time as a number: itself, or seconds since 1970 of a date; NaN where it is neither."""
    if text is None:
        return np.nan
    value = _number(text, decimal)
    if not np.isnan(value):
        return value
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _said(moment: float) -> str:
    return f"{moment:.10g}" if abs(moment) < 1e8 else datetime.fromtimestamp(moment, UTC).isoformat()
