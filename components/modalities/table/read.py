"""Which tables hold samples, and their rows as samples.

CSV and TSV in any usual encoding and with any usual separator, JSON lines, Parquet. A row that has not as many values
as the header has columns comes as a sample that `check` quarantines, with its line.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path

from components.data.csv_text import read_csv
from components.data.label_files import USED, is_label_file
from components.data.reader import Reader, TableSample
from components.data.tables import UNREADABLE, numbered_rows
from components.data.walk import suffix_of
from components.modalities.table.cells import text_of
from components.modalities.table.check import Canonical, check_rows
from components.modalities.table.config import TableConfig, TableLimits, TablePacking

CHANGED = "columns changed"  # kind of the reason for which a whole table is quarantined
BATCH = 4096  # rows of a Parquet file that are read at once

Row = tuple[int, dict[str, str | None] | str]  # line, and cells by column or what is wrong with them


class TableReader(Reader):
    """Tables; each row is a sample."""

    noun = "tables"
    wanted = "tables whose rows are samples: CSV, TSV, JSON lines or Parquet"

    def __init__(self, config: TableConfig, limits: TableLimits) -> None:
        self.config, self.limits, self.max_bytes = config, limits, limits.max_bytes
        self.target = config.target
        self._columns: frozenset[str] | None = None

    def founded(self, packing: TablePacking) -> None:
        if self.config.changes == "refuse":
            self._columns = frozenset(column.name for column in packing.columns)

    def mended(self, reason: str) -> bool:
        return reason.startswith(CHANGED) and self._columns is None

    def is_table(self, path: str, columns: set[str]) -> bool:
        """Every table with a column to learn from, except label files: those whose name begins with `label`, and those
        that hold names and labels alone. A table with the columns id, class and others holds samples."""
        if is_label_file(path):
            return False
        return bool(columns - self.config.left_out - set(USED))

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        config = self.config
        origin, together = (name.lower() if name else None for name in (source, self.group))
        out = config.left_out | {name for name in (origin, together) if name}
        encode: Canonical | None = None
        for number, (line, cells) in enumerate(text_rows(file)):
            name = f"{delivery}#{number}"
            if isinstance(cells, str):
                yield TableSample(name, f"line {line}: {cells}".encode("utf-8", "backslashreplace"))
                continue
            if encode is None:  # all rows of a table have the same columns
                self._need(cells)
                self._unchanged([column for column in cells if column not in out])
                encode = Canonical(column for column in cells if column not in out)
            if config.key is not None and not cells.get(config.key):
                yield TableSample(name, f"line {line}: no value in the key column {config.key}".encode())
                continue
            yield TableSample(
                cells[config.key] or name if config.key is not None else name,
                encode(cells),
                cells.get(config.label_column) or "",
                (cells.get(origin) or "") if origin is not None else "",
                (cells.get(together) or "") if together is not None else "",
            )

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        return check_rows(batch, self.limits)

    def _need(self, columns: Mapping[str, object]) -> None:
        """The key must be there; a table without the target is one of unlabelled rows."""
        if self.config.key is not None and self.config.key not in columns:
            raise ValueError(
                f"{UNREADABLE}: the key column {self.config.key} is required, it has {', '.join(columns)[:200]}; "
                "set modality.key to one of them"
            )

    def _unchanged(self, columns: Sequence[str]) -> None:
        """Raises ValueError where a table has other columns than the recipe's first snapshot."""
        if self._columns is None:
            return
        new, gone = sorted(set(columns) - self._columns), sorted(self._columns - set(columns))
        if new or gone:
            said = [f"new {', '.join(new)[:200]}"] * bool(new) + [f"missing {', '.join(gone)[:200]}"] * bool(
                gone
            )
            raise ValueError(
                f"{CHANGED}: {'; '.join(said)}; the columns of the first snapshot are required: correct the file, "
                "leave columns out (modality.ignore), or set modality.changes to adapt"
            )


def text_rows(file: Path) -> Iterator[Row]:
    suffix = suffix_of(file.name)
    if suffix == ".parquet":
        return _of_parquet(file)
    if suffix == ".jsonl":
        return _of_json(file)
    return _of_text(file)


def _of_text(file: Path) -> Iterator[Row]:
    try:
        rows = read_csv(file, uneven=True)
        _, names = next(rows)
        places = [
            place for place, name in enumerate(names) if name
        ]  # a column without a name numbers the rows
        picked, width = [names[place] for place in places], len(names)
        pick = (
            itemgetter(*places)
            if len(places) > 1
            else lambda values: tuple(values[place] for place in places)
        )
        for line, values in rows:
            if len(values) != width:
                yield line, f"{len(values)} values for {width} columns: {', '.join(values)[:100]}"
            else:
                yield line, dict(zip(picked, [text or None for text in pick(values)], strict=True))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{UNREADABLE}: {str(error)[:200]}") from None


def _of_json(file: Path) -> Iterator[Row]:
    """A key that is absent is a missing value; one that the first row has not is an error of that row."""
    names: list[str] = []
    for line, row in numbered_rows(file):
        names = names or list(row)
        if more := set(row).difference(names):
            yield line, f"column {min(more)} is none of the first row"
        else:
            yield line, {name: row.get(name) or None for name in names}


def _of_parquet(file: Path) -> Iterator[Row]:
    import pyarrow as pa

    from components.data.parquet import batches, opened

    try:
        with opened(file) as parquet:
            names = [name.strip().lower() for name in parquet.schema_arrow.names]
            if len(set(names)) < len(names):
                raise ValueError("two columns have the same name")
            row = 0
            for batch in batches(file, parquet, BATCH):
                columns = [[text_of(value) for value in column.to_pylist()] for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    row += 1
                    yield row, dict(zip(names, cells, strict=True))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ValueError(f"{UNREADABLE}: {str(error)[:200]}") from None
