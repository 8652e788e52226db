"""A table that a person keeps elsewhere, and an inbox of our own that follows it.

The files that a table of paths names are linked into the inbox (copied where links cannot be), beside the table
with the paths that they have there. A table of samples is linked itself. Each ingest does so anew, so that
rows which are added or corrected arrive.
"""

import csv
import hashlib
import io
import os
import shutil
from pathlib import Path

from components.data.reader import Reader
from components.data.tables import IMAGES, PATHS, SOUNDS, columns_of, read_rows
from components.errors import UserError

TABLE = "paths.csv"


def path_column(file: Path, reader: Reader) -> str | None:
    """The column of a table that holds paths; None for a table that holds its samples whole.

    Raises:
        ValueError: it is no table, or has neither paths nor samples.
    """
    columns = columns_of(file)
    if reader.is_table(file.name, columns) and not reader.names_files(file.name, columns):
        return None
    column = next((name for name in (*PATHS, *IMAGES, *SOUNDS) if name in columns), None)
    if column is None:
        raise ValueError(
            f"a column path, or one of {reader.noun}, is needed; it has {', '.join(sorted(columns))[:100]}"
        )
    return column


def link_table(file: Path, inbox: Path, reader: Reader) -> None:
    """Bring the inbox up to date with the table.

    Raises:
        UserError: the table is gone or cannot be read.
    """
    try:
        column = path_column(file, reader)
        rows = list(read_rows(file)) if column else []
    except ValueError as error:
        raise UserError(
            "samples-unreadable",
            f"{file}: {error}; bring it back, or take ingest.table out of the recipe",
        ) from None
    inbox.mkdir(parents=True, exist_ok=True)
    if column is None:
        _link(file, inbox / file.name)
        return
    told = []
    for row in rows:
        path = row.get(column, "")
        source = file.parent / path
        name = hashlib.sha256(os.path.abspath(source).encode(errors="surrogateescape")).hexdigest()[:12]
        target = f"images/{name}-{source.name}"
        if path and source.is_file():
            _link(source, inbox / target)
        told.append({"path": target if path else ""} | {k: v for k, v in row.items() if k != column})
    _write(inbox / TABLE, told)


def table_digest(file: Path) -> str:
    """Sha256 (hex) of a table's bytes; "missing" where it is gone."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return "missing"


def _link(file: Path, target: Path) -> None:
    """Link, unless the same file is there already."""
    found = file.stat()
    if target.exists():
        held = target.stat()
        if (held.st_size, held.st_mtime_ns) == (found.st_size, found.st_mtime_ns):
            return
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file.resolve(), target)
    except OSError:
        shutil.copy2(file, target)


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    """As CSV, where it is not the same already: a new time would be news."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["path"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = out.getvalue().encode()
    if not file.exists() or file.read_bytes() != data:
        file.write_bytes(data)
