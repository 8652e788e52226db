"""Tables that people deliver: CSV (csv_text.py), JSON lines and Parquet, read as a stream.

Columns are found whatever the case of their names, and under the names that pandas, Hugging Face and Spark use.
A Parquet file of samples has a column of IMAGES or SOUNDS: bytes, or Hugging Face's struct of bytes and path. Where
it holds paths only, the file is a table of paths.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.csv_text import lines_of, read_csv
from components.data.label_values import classes_of
from components.data.parquet import batches, opened

UNREADABLE = "unreadable table"
TEXT_TABLES = frozenset({".csv", ".tsv", ".jsonl"})
IMAGES = ("image", "bytes", "img", "content")  # content: Spark's binaryFile
SOUNDS = ("audio", "sound")
ENCODED = {"image": IMAGES, "audio": SOUNDS}  # role of a column of encoded samples -> what it may be called
PATHS_ALONE = ("image", "img", *SOUNDS)  # columns that are of paths where they hold text
PATHS = ("path", "file_name", "filename", "file")
NAMES = ("name", *PATHS)
LABEL = ("label", "labels", "class")


def columns_of(file: Path) -> set[str]:
    """Names of a table's columns, in small letters. A column of images is called `image` where it holds bytes, one of
    sounds `audio`; where it holds paths it counts as `path`.

    Raises:
        ValueError: not a table, or not finished: "unreadable table: ...".
    """
    try:
        if file.suffix.lower() == ".parquet":
            with opened(file) as parquet:
                return set(_columns(file, parquet))
        return set(_text_columns(file))
    except (OSError, UnicodeDecodeError, ValueError, pa.ArrowException) as error:
        raise _unreadable(error) from None


def count_rows(file: Path) -> int:
    """How many rows a table has.

    Raises:
        ValueError: the file cannot be read to its end.
    """
    if file.suffix.lower() == ".parquet":
        try:
            return int(pq.read_metadata(file).num_rows)
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(error) from None
    return sum(1 for _ in numbered_rows(file))


def read_rows(file: Path) -> Iterator[dict[str, str]]:
    """Rows of a table as text, by column; what is missing is "".

    Raises:
        ValueError: the file cannot be read to its end.
    """
    return (row for _, row in numbered_rows(file))


def numbered_rows(file: Path, numeric: bool = False) -> Iterator[tuple[int, dict[str, str]]]:
    """read_rows, each with the number of its line (of its row, from 1, in Parquet). No encoded sample is read. numeric:
    labels are numbers, of which -1 is one."""
    try:
        suffix = file.suffix.lower()
        if suffix == ".parquet":
            yield from _parquet_rows(file, numeric)
        elif suffix == ".jsonl":
            yield from _json_rows(file)
        else:
            rows = read_csv(file)
            _, header = next(rows)
            for line, values in rows:
                yield line, dict(zip(header, values + [""] * (len(header) - len(values)), strict=True))
    except (OSError, UnicodeDecodeError, ValueError, pa.ArrowException) as error:
        raise _unreadable(error) from None


def parquet_samples(
    file: Path, delivery: str, source: str | None = None, group: str | None = None, role: str = "image"
) -> Iterator[tuple[str, bytes, str, str, str]]:
    """(name, bytes, label, source, group) of each row of a Parquet file, a hundred at a time. One without a name is
    called FILE#ROW; one without bytes has none. source, group: the columns that say where a sample comes from, and
    which samples belong together. role: of the column of encoded samples, "image" or "audio".

    Raises:
        ValueError: the file cannot be read to its end, or that column holds no bytes.
    """
    try:
        with opened(file) as parquet:
            columns = _columns(file, parquet)
            if role not in columns:
                column = _first(ENCODED[role], _spelled(parquet))
                kind = parquet.schema_arrow.field(column or 0).type
                raise ValueError(f"column {column} must hold bytes, it holds {kind}")
            name, label = _first(NAMES, columns), _first(LABEL, columns)
            origin, together = (
                column.lower() if column and column.lower() in columns else None for column in (source, group)
            )
            classes = _classes(file, parquet, columns[label]) if label else {}
            wanted = {key: columns[key] for key in (role, name, label, origin, together) if key}
            row = 0
            for batch in batches(file, parquet, 128, list(dict.fromkeys(wanted.values()))):
                for record in batch.to_pylist():
                    data, called = record[columns[role]], record[columns[name]] if name else None
                    if isinstance(data, dict):
                        data, called = data["bytes"], called or data.get("path")
                    yield (
                        str(called) if called else f"{delivery}#{row}",
                        data or b"",
                        classes[_key(record[columns[label]])] if label else "",
                        _text(record[columns[origin]]) if origin else "",
                        _text(record[columns[together]]) if together else "",
                    )
                    row += 1
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> ValueError:
    if isinstance(error, UnicodeDecodeError):
        return ValueError(
            f"{UNREADABLE}: neither UTF-8, UTF-16 nor Windows-1252 (byte {error.start}); save it as UTF-8"
        )
    return ValueError(f"{UNREADABLE}: {str(error)[:200]}")


def _first(names: Sequence[str], columns: Mapping[str, str]) -> str | None:
    return next((name for name in names if name in columns), None)


def _spelled(parquet: pq.ParquetFile) -> dict[str, str]:
    """Name in small letters -> as the file spells it."""
    return {name.lower(): name for name in reversed(parquet.schema_arrow.names)}


def _columns(file: Path, parquet: pq.ParquetFile) -> dict[str, str]:
    """Role or name of a column -> as the file spells it: see columns_of."""
    columns = _spelled(parquet)
    for role, names in ENCODED.items():
        if (found := _first(names, columns)) is not None:
            called = _role(file, parquet, found, columns[found], role)
            spelled = columns.pop(found)
            columns[called] = spelled
    return columns


def _role(file: Path, parquet: pq.ParquetFile, name: str, spelled: str, role: str) -> str:
    """What a column that may hold encoded samples is called: `role`, "path", or its own name where it holds neither."""
    kind = parquet.schema_arrow.field(spelled).type
    if _is_bytes(kind) or (_is_packed(kind) and _has_bytes(file, parquet, spelled)):
        return role
    return "path" if _is_packed(kind) or (name in PATHS_ALONE and _is_text(kind)) else name


def _is_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_bytes(kind.value_type)
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_packed(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind)) and {"bytes", "path"} <= {field.name for field in kind}


def _has_bytes(file: Path, parquet: pq.ParquetFile, column: str) -> bool:
    """Whether a struct of bytes and path holds any bytes; a file that was saved without its images has none."""
    empty = parquet.metadata.num_rows == 0
    rows = (row for batch in batches(file, parquet, 100, [f"{column}.bytes"]) for row in batch.to_pylist())
    return empty or any(row[column] and row[column]["bytes"] for row in rows)


def _classes(file: Path, parquet: pq.ParquetFile, column: str) -> dict[object, str]:
    """Each value of a label column -> its class."""
    values = {
        _key(value)
        for batch in batches(file, parquet, columns=[column])
        for value in batch.column(0).to_pylist()
    }
    return classes_of(values, _class_names(parquet, column))


def _class_names(parquet: pq.ParquetFile, column: str) -> list[str]:
    """The names of a Hugging Face ClassLabel, in the order of its numbers; none where the file has none."""
    about = json.loads((parquet.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
    feature = about.get("info", {}).get("features", {}).get(column, {})
    return [str(name) for name in feature.get("names", ())]


def _key(value: Any) -> Any:
    """A value of a label column that can be looked up: NaN is not equal to itself."""
    if isinstance(value, dict | list):
        raise ValueError(
            f"a label must be one class, as text or a number, got {str(value)[:60]}; give one label a sample"
        )
    return None if isinstance(value, float) and math.isnan(value) else value


def _parquet_rows(file: Path, numeric: bool) -> Iterator[tuple[int, dict[str, str]]]:
    with opened(file) as parquet:
        columns = _columns(file, parquet)
        for role in ENCODED:
            columns.pop(role, None)
        label = None if numeric else _first(LABEL, columns)
        classes = _classes(file, parquet, columns[label]) if label else {}
        row = 0
        for batch in batches(file, parquet, columns=list(columns.values())):
            for record in batch.to_pylist():
                row += 1
                values = {name: _text(record[spelled]) for name, spelled in columns.items()}
                yield row, values | ({label: classes[_key(record[columns[label]])]} if label else {})


def _json_rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with file.open(encoding="utf-8-sig") as stream:
        for line, text in enumerate(lines_of(stream), start=1):
            if text.strip():
                try:
                    record = json.loads(text)
                except ValueError as error:
                    raise ValueError(f"line {line}: not JSON ({error})") from None
                if not isinstance(record, dict):
                    raise ValueError(
                        f'line {line}: a JSON object is needed, e.g. {{"path": ..., "label": ...}}'
                    )
                yield line, {str(key).lower(): _text(value) for key, value in record.items()}


def _text_columns(file: Path) -> list[str]:
    if file.suffix.lower() == ".jsonl":
        return list(next((row for _, row in _json_rows(file)), {}))
    return next(read_csv(file))[1]


def _text(value: Any) -> str:
    """Text of a cell; a table of paths has them as Hugging Face's struct too."""
    if isinstance(value, dict):
        value = value.get("path")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace").strip()
    return value.isoformat() if isinstance(value, date) else str(value).strip()
