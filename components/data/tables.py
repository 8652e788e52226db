"""Tables that people deliver: CSV (comma, semicolon or tab) and Parquet, read as a stream.

A Parquet file of samples has a column `image` or `bytes`: binary, or Hugging Face's struct of bytes and path.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def columns_of(file: Path) -> set[str]:
    """Names of a table's columns.

    Raises:
        ValueError: not a table, or not finished: "unreadable table: ...".
    """
    try:
        if file.suffix.lower() == ".parquet":
            return set(pq.read_schema(file).names)
        with file.open(newline="", encoding="utf-8-sig") as stream:
            return set(_reader(stream).fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise ValueError(f"unreadable table: {str(error)[:200]}") from None


def read_rows(file: Path) -> Iterator[dict[str, str]]:
    """Rows of a CSV (comma, semicolon or tab) or Parquet file, as text; what is missing is "".

    Raises:
        ValueError: the file cannot be read to its end.
    """
    try:
        if file.suffix.lower() == ".parquet":
            with pq.ParquetFile(file) as parquet:
                for batch in parquet.iter_batches(4096):
                    for row in batch.to_pylist():
                        yield {key: _text(value) for key, value in row.items()}
        else:
            with file.open(newline="", encoding="utf-8-sig") as stream:
                for row in _reader(stream):
                    yield {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise ValueError(f"unreadable table: {str(error)[:200]}") from None


def parquet_images(
    file: Path, delivery: str, source: str | None = None
) -> Iterator[tuple[str, bytes, str, str]]:
    """(name, bytes, label, source) of each row of a Parquet file, a hundred at a time. One without a name is called
    FILE#ROW; one without bytes has none. source: the column that says where a sample comes from.

    Raises:
        ValueError: the file cannot be read to its end, or its image column holds no bytes.
    """
    try:
        with pq.ParquetFile(file) as parquet:
            names = parquet.schema_arrow.names
            image = "image" if "image" in names else "bytes"
            kind = parquet.schema_arrow.field(image).type
            packed = pa.types.is_struct(kind) and {f.name for f in kind} >= {"bytes"}
            if not (packed or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
                raise ValueError(f"unreadable table: column {image} must hold bytes, it holds {kind}")
            wanted = [image, *dict.fromkeys(name for name in ("name", "label", source) if name in names)]
            row = 0
            for batch in parquet.iter_batches(128, columns=wanted):
                for record in batch.to_pylist():
                    data = record[image]
                    name = record.get("name") or (data or {}).get("path") if packed else record.get("name")
                    data = (data or {}).get("bytes") if packed else data
                    label, origin = _text(record.get("label")), _text(record.get(source))
                    yield str(name) if name else f"{delivery}#{row}", data or b"", label, origin
                    row += 1
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"unreadable table: {str(error)[:200]}") from None


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _reader(stream: Any) -> "csv.DictReader[str]":
    head = stream.readline()
    stream.seek(0)
    reader = csv.DictReader(stream, delimiter=max(",;\t", key=head.count))
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    return reader
