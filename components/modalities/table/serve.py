"""Rows of a request to a served model: a mapping, JSON, a frame."""

import json
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from components.errors import UserError
from components.modalities.table.cells import text_of
from components.modalities.table.check import canonical
from components.modalities.table.config import TableConfig, TablePacking


def rows_of(given: Any) -> list[Any]:
    """The rows of a request, each as it came.

    given: a frame; a mapping of columns to lists of values, or to one value each for one row; a list of mappings; JSON
    of any of these.

    Raises:
        UserError: it is none of these.
    """
    if isinstance(given, str | bytes | bytearray):
        try:
            given = json.loads(given)
        except ValueError:
            raise UserError(
                "request-invalid", f"rows as JSON objects are required, got {given[:60]!r}"
            ) from None
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        rows: list[Any] = given.to_dict("records")
        return rows
    if isinstance(given, Mapping):
        columns = {name: column for name, column in given.items() if not isinstance(column, str | bytes)}
        lists = {name: list(column) for name, column in columns.items() if hasattr(column, "__len__")}
        if not lists:
            return [given]
        lengths = {len(column) for column in lists.values()}
        if len(lists) < len(given) or len(lengths) > 1:
            raise UserError(
                "request-invalid", "columns of equal length are required, or one value for each column"
            )
        return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    if isinstance(given, Sequence):
        return list(given)
    raise UserError(
        "request-invalid", f"a frame, a mapping or a list of mappings is required, got {type(given).__name__}"
    )


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The columns of a request for rows that are mappings; None where a row has no value."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def encoded(value: Any, config: TableConfig, packing: TablePacking | None = None) -> bytes:
    """One row of a request -> canonical bytes, without the key, the target and other columns that are no input.

    packing: where it is given, numbers that are no text are written with the decimal point of their column.

    Raises:
        ValueError: it is no mapping of names to values.
    """
    if isinstance(value, str | bytes | bytearray):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"a row as a JSON object is required, got {value[:60]!r}") from None
    if not isinstance(value, Mapping):
        raise ValueError(f"a mapping of columns to values is required, got {type(value).__name__}")
    row = {str(name).strip().lower(): cell for name, cell in value.items()}
    for name, cell in row.items():
        if isinstance(cell, Mapping | list | tuple):
            raise ValueError(f"column {name}: one value is required, got {type(cell).__name__}")
    texts = {name: text_of(cell) for name, cell in row.items() if name and name not in config.left_out}
    for column in packing.columns if packing is not None else ():
        text = texts.get(column.name)
        if text and column.kind == "numeric" and isinstance(row[column.name], Real):
            texts[column.name] = text.replace(".", column.style)
    return canonical(texts)
