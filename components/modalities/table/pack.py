"""Rows of tables to one array: float32 [N, F], NaN is missing, categories are codes.

Without an earlier packing two passes are made: one to find of what kind the columns are (schema.py), one to write.
Letters: N samples, F features, Q quantiles.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.arrays import Doubles, Floats, Ints, write_header
from components.errors import UserError, coded
from components.files import enough_room
from components.modalities.base import MisfitError, Written
from components.modalities.table import cells
from components.modalities.table.block import Block, Texts, block_of
from components.modalities.table.check import parsed
from components.modalities.table.config import (
    ARRAY,
    FIRST,
    OTHER,
    QUANTILES,
    Column,
    Feature,
    TableConfig,
    TablePacking,
)
from components.modalities.table.schema import ENOUGH, Schema, infer, parts

CHUNK = 8192  # rows that are read at once
SAMPLES = 200_000  # rows from which the distribution of the features is found
RETYPED = 0.05  # share of new values that do not fit their column's kind, above which it is another kind
FEW = 20  # new values below which no column is called retyped


class Reading:
    """Reads rows by a schema, and keeps count of what does not fit it."""

    def __init__(self, schema: Schema, config: TableConfig) -> None:
        self.schema, self.config = schema, config
        self.spellings = cells.MISSING | frozenset(config.missing)
        self.columns = {column.name: column for column in schema.columns}
        self.retyped: set[str] = set()  # columns, as far as `judge` has found them
        self.codes = {
            feature.column: {text: code for code, text in enumerate(feature.categories, start=FIRST)}
            for feature in schema.features
            if feature.categories is not None and feature.part == "value"
        }
        self.rows = 0
        # By column: rows without it; rows with it, where the schema does not have it; values that do not fit its kind,
        # and the first of them; values.
        self.absent: dict[str, int] = {}
        self.unknown: dict[str, int] = {}
        self.odd: dict[str, tuple[int, str]] = {}
        self.seen: dict[str, int] = {}

    def read(self, block: Block) -> Floats:
        """float32 [n, F] of n rows."""
        self.rows += block.rows
        for name in block.columns.keys() | block.absent.keys():
            absent = block.absent.get(name, 0)
            if name not in self.columns:
                self.unknown[name] = self.unknown.get(name, 0) + block.rows - absent
            elif absent:
                self.absent[name] = self.absent.get(name, 0) + absent
        out = np.full((block.rows, len(self.schema.features)), np.nan, dtype=np.float32)
        values: dict[str, tuple[Ints, Doubles]] = {}
        for place, feature in enumerate(self.schema.features):
            name = feature.column
            if name not in values:
                values[name] = self._column(self.columns[name], Texts(block.columns[name], self.spellings))
            where, found = values[name]
            out[where, place] = found if feature.part == "value" else _part(found, feature.part)
        return out

    def misfits(self, row: Mapping[str, str | None]) -> bool:
        """Whether a row is one of those for which `judge` refuses all."""
        if any(name in row for name in self.unknown) or any(name not in row for name in self.absent):
            return True
        given = {name: Texts(pa.array([row.get(name)], pa.string()), self.spellings) for name in self.retyped}
        return any(
            np.isnan(self._as_numbers(self.columns[name], texts)).any() for name, texts in given.items()
        )

    def _column(self, column: Column, texts: Texts) -> tuple[Ints, Doubles]:
        """Rows that have a value, and their values; NaN where one does not fit the kind of a number or date."""
        found = self._as_numbers(column, texts)
        self.seen[column.name] = self.seen.get(column.name, 0) + len(texts)
        if len(misfits := np.flatnonzero(np.isnan(found))):
            count, first = self.odd.get(column.name, (0, texts.array[int(misfits[0])].as_py()))
            self.odd[column.name] = (count + len(misfits), first)
        if column.kind in ("categorical", "boolean"):
            found = np.where(np.isnan(found), OTHER, found)
        return texts.where, found

    def _as_numbers(self, column: Column, texts: Texts) -> Doubles:
        """[m] the values; NaN where one does not fit the column."""
        plain = texts.plain_numbers if column.kind == "numeric" and column.style == "." else None
        if plain is not None:
            return plain
        each, places = texts.distinct
        match column.kind:
            case "numeric":
                value = np.array([cells.number(text, column.style) for text in each], dtype=np.float64)
            case "date":
                value = cells.days(cells.moments(each, column.style))
            case "boolean":
                value = np.array([cells.truth(text) for text in each], dtype=np.float64) + FIRST
            case _:
                codes = self.codes[column.name]
                value = np.array([codes.get(text, np.nan) for text in each], dtype=np.float64)
        found: Doubles = value[places]
        return found


def _part(days: Doubles, part: str) -> Doubles:
    """Codes of weekday or hour."""
    there = np.isfinite(days)
    weekday, hour = parts(np.round(days[there] * 86400).astype("datetime64[s]"))
    codes = np.full(len(days), np.nan)
    codes[there] = (weekday if part == "weekday" else hour) + FIRST
    return codes


def write(
    encoded: Callable[[], Iterable[Sequence[bytes | Floats]]],
    total: int,
    config: TableConfig,
    file: Path,
    *,
    before: TablePacking | None = None,
    progress: Callable[[float], None] = lambda done: None,
) -> Written:
    """Write all rows into an .npy of float32 [N, F]; see Modality.pack. found: the Schema."""
    notes = list[str]()
    if before is None:
        schema, notes = infer(_blocks(encoded(), total, lambda done: progress(done / 2)), config)
    else:
        schema = Schema(columns=before.columns, features=before.features)
    width = len(schema.features)
    enough_room(file.parent, 4 * total * width)
    reading, written = Reading(schema, config), Written({ARRAY: file.name}, found=schema, notes=notes)
    with file.open("wb") as out:
        write_header(out, np.float32, (total, width))
        seen = 0
        for chunk in _chunks(encoded()):
            rows, bad = _rows(chunk, reading, seen)
            out.write(rows.tobytes())
            written.samples, written.unreadable = written.samples + len(rows), written.unreadable | bad
            seen += len(chunk)
            progress(seen / total if before else (1 + seen / total) / 2)
        write_header(out, np.float32, (written.samples, width))
    try:
        written.notes += judge(reading, first=before is None)
    except UserError as error:
        raise MisfitError(error.code, str(error), _misfits(encoded(), reading)) from None
    return written


def _misfits(encoded: Iterable[Sequence[Any]], reading: Reading) -> Iterator[int]:
    """Positions of the samples for which `judge` refuses all."""
    for place, data in enumerate(data for batch in encoded for data in batch):
        if isinstance(data, bytes):
            with suppress(ValueError):  # it is no row
                if reading.misfits(parsed(data)):
                    yield place


def judge(reading: Reading, *, first: bool) -> list[str]:
    """What a person should know of rows that do not fit the schema; for the first snapshot, one of the rows themselves.

    Raises:
        UserError: columns are new, missing or of another kind, and the recipe does not say `changes: adapt`.
    """
    of = "of the other rows" if first else "of the first snapshot"
    errors, notes = list[str](), list[str]()
    for name, count in sorted(reading.unknown.items()):
        errors.append(f"column {name} is new in {count:,} of {reading.rows:,} rows: it is none {of}")
    for name, count in sorted(reading.absent.items()):
        errors.append(f"column {name} {of} is missing in {count:,} of {reading.rows:,} rows")
    for name, (count, example) in sorted(reading.odd.items()):
        column, seen = reading.columns[name], reading.seen[name]
        if _retyped(column, count, seen, example):
            reading.retyped.add(name)
            errors.append(
                f"column {name} was {column.kind} {of}, now {count:,} of {seen:,} values are not, as {example[:40]!r}"
            )
        elif column.kind == "categorical" and not first:
            notes.append(
                f"column {name}: {count:,} of {seen:,} values are rare or new categories, as {example[:40]!r}"
            )
        elif not first:
            notes.append(
                f"column {name}: {count:,} of {seen:,} values are not {column.kind}, as {example[:40]!r}"
            )
    if errors and reading.config.changes == "refuse":
        raise UserError(
            "columns-changed",
            f"{'; '.join(errors[:5])}{'; ...' if len(errors) > 5 else ''}. Correct the delivery, leave the columns out "
            "(modality.ignore), or set modality.changes to adapt (new columns are ignored, others taken as missing); "
            "a snapshot under a new recipe takes the columns as they are now",
        )
    return [f"warning {coded('columns-adapted', change)}" for change in errors] + notes


def _retyped(column: Column, odd: int, seen: int, example: str) -> bool:
    if seen < FEW:
        return False
    if column.kind == "categorical":  # new categories are usual; numbers in their place are not
        return odd > ENOUGH * seen and not np.isnan(cells.number(example, "."))
    return odd > RETYPED * seen


def statistics(rows: Floats, places: Ints, features: Sequence[Feature]) -> tuple[Feature, ...]:
    """The features with their distribution over the rows `places` of an array [N, F].

    From 200,000 of the rows, evenly spaced, where there are more.
    """
    if len(places) > SAMPLES:
        places = places[np.linspace(0, len(places) - 1, SAMPLES).astype(np.int64)]
    return tuple(
        _described(np.asarray(rows[places, place], dtype=np.float64), feature)
        for place, feature in enumerate(features)
    )


def _described(values: Any, feature: Feature) -> Feature:
    there = values[~np.isnan(values)]
    share = 1 - len(there) / max(1, len(values))
    if feature.categories is not None:
        codes = np.nan_to_num(values).astype(np.int64)
        counts = np.bincount(codes, minlength=feature.size)
        return feature.model_copy(update={"missing": share, "counts": tuple(counts.tolist())})
    grid = np.quantile(there, np.linspace(0, 1, QUANTILES)) if len(there) else np.zeros(QUANTILES)
    return feature.model_copy(
        update={
            "missing": share,
            "quantiles": tuple(np.asarray(grid, dtype=np.float32).tolist()),
            "whole": bool((there == np.round(there)).all()),
        }
    )


def _blocks(
    encoded: Iterable[Sequence[Any]], total: int, progress: Callable[[float], None]
) -> Iterator[Block]:
    seen = 0
    for chunk in _chunks(encoded):
        block, _ = block_of([data for data in chunk if not isinstance(data, np.ndarray)])
        seen += len(chunk)
        progress(seen / total)
        yield block


def _chunks(encoded: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    waiting: list[Any] = []
    for batch in encoded:
        waiting += batch
        while len(waiting) >= CHUNK:  # equal chunks, however the samples come
            yield waiting[:CHUNK]
            waiting = waiting[CHUNK:]
    if waiting:
        yield waiting


def _rows(chunk: Sequence[Any], reading: Reading, seen: int) -> tuple[Floats, dict[int, str]]:
    """float32 [n, F] of samples, in order, and position -> reason of those that are no rows.

    seen: samples before this chunk.
    """
    fresh = [place for place, data in enumerate(chunk) if not isinstance(data, np.ndarray)]
    block, bad = block_of([chunk[place] for place in fresh], list(reading.columns))
    out = np.empty((len(chunk), len(reading.schema.features)), dtype=np.float32)
    for place, data in enumerate(chunk):
        if isinstance(data, np.ndarray):
            out[place] = data
    out[[place for number, place in enumerate(fresh) if number not in bad]] = reading.read(block)
    gone = {fresh[number]: reason for number, reason in bad.items()}
    return np.delete(out, list(gone), axis=0), {seen + place: reason for place, reason in gone.items()}
