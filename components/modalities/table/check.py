"""A sample of a table is the canonical JSON of one row: an object of texts and nulls, its keys sorted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any

from components.modalities.table.config import TableLimits

Row = dict[str, str | None]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def canonical(row: Mapping[str, str | None]) -> bytes:
    """The bytes of a row; what is missing is null. {"b": "007", "a": None} -> {"a":null,"b":"007"}."""
    return _encode(row).encode("utf-8", "backslashreplace")


class Canonical:
    """`canonical` of rows that have the same columns, or more, in little more than half of its time."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._heads = [(name, f"{encode_basestring(name)}:") for name in sorted(columns)]

    def __call__(self, row: Mapping[str, str | None]) -> bytes:
        cells = [
            f"{head}null" if (text := row[name]) is None else head + encode_basestring(text)
            for name, head in self._heads
        ]
        return f"{{{','.join(cells)}}}".encode("utf-8", "backslashreplace")


def parsed(data: bytes) -> Row:
    """The row that `canonical` made bytes of.

    Raises:
        ValueError: it is none: "kind: detail".
    """
    try:
        row: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError(f"not a row: {data[:200].decode('utf-8', 'replace')}") from None
    if not isinstance(row, dict) or not all(value is None or type(value) is str for value in row.values()):
        raise ValueError("not a row: an object of texts and nulls is required")
    return row


def check_rows(batch: Sequence[bytes], limits: TableLimits) -> list[str | None]:
    """Why a row belongs in quarantine, "kind: detail", or None. Never raises.

    Kinds: too large a row, not a row, too many columns, empty row.
    """
    return [_reason(data, limits) for data in batch]


def _reason(data: bytes, limits: TableLimits) -> str | None:
    if len(data) > limits.max_bytes:
        return f"too large a row: {len(data):,} bytes, at most {limits.max_bytes:,}"
    try:
        row = parsed(data)
    except ValueError as error:
        return str(error)
    if len(row) > limits.max_columns:
        return f"too many columns: {len(row):,}, at most {limits.max_columns:,}"
    if b"\\u0000" in data and any("\0" in value for value in row.values() if value):
        return "not a row: a value holds a NUL character"
    return None if any(value is not None for value in row.values()) else "empty row"
