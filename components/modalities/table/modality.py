"""Rows of tables, bound to the interface of modalities.

What reads tables is imported where it is used: pyarrow, .4 s that a process with other kinds of data need not wait
for. Letters: N samples, B samples of a batch, F features.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from components.arrays import Floats, Ints
from components.modalities.base import Modality, Written
from components.modalities.table import serve, show
from components.modalities.table.check import parsed
from components.modalities.table.config import ARRAY, TableConfig, TableLimits, TablePacking, placeholder
from components.modalities.table.near_duplicates import groups

if TYPE_CHECKING:
    from components.modalities.table.pack import Reading
    from components.modalities.table.read import TableReader
    from components.modalities.table.schema import Schema
    from components.modalities.table.suit import TableLook


class Tables(Modality[TableConfig, TablePacking]):
    """Packed as float32 [N, F]; a view is [B, F] float32. NaN is missing, categories are codes."""

    founded = True
    policies: ClassVar[Mapping[str, str]] = {
        "corrupt": "cells replaced by what other rows have in the same column"
    }
    Limits = TableLimits
    requirements = ("pandas", "pyarrow")

    def __init__(self, config: TableConfig) -> None:
        super().__init__(config)
        self._reading: tuple[TablePacking, Reading] | None = None

    def look(self) -> "TableLook":
        from components.modalities.table.suit import TableLook

        return TableLook(self.config)

    def placeholder(self) -> TablePacking:
        return placeholder(self.config)

    def reader(self, limits: TableLimits) -> "TableReader":
        from components.modalities.table.read import TableReader

        return TableReader(self.config, limits)

    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[bytes | Floats]]],
        total: int,
        folder: Path,
        *,
        before: TablePacking | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        from components.modalities.table.pack import write

        file = folder / f"{ARRAY}.npy"
        return write(encoded, total, self.config, file, before=before, progress=progress)

    def packing(self, written: Written, folder: Path, rows: Ints) -> TablePacking:
        from components.modalities.table.pack import statistics

        schema: Schema = written.found
        array = np.load(folder / written.files[ARRAY], mmap_mode="r")
        features = statistics(array, rows, schema.features)
        return TablePacking(table=self.config, columns=schema.columns, features=features)

    def near_duplicates(self, files: Mapping[str, Path]) -> Ints | None:
        return groups(np.load(files[ARRAY], mmap_mode="r"))

    def values(self, given: Any, packing: TablePacking) -> list[Any]:
        return serve.rows_of(given)

    def request(self, values: Sequence[Any]) -> dict[str, list[Any]]:
        return serve.columns_of(values)

    def example(self, stored: Floats, packing: TablePacking) -> dict[str, str | None]:
        return show.texts(stored, packing)

    def to_sample(self, value: Any) -> bytes:
        return serve.encoded(value, self.config)

    def row_of(self, value: Any, packing: TablePacking) -> Floats:
        return self.stored(serve.encoded(value, self.config, packing), packing)

    def stored(self, data: bytes, packing: TablePacking) -> Floats:
        from components.modalities.table.block import of_rows
        from components.modalities.table.pack import Reading
        from components.modalities.table.schema import Schema

        row = parsed(data)
        names = [column.name for column in packing.columns if column.kind != "constant"]
        if self.config.changes == "refuse" and (absent := [name for name in names if name not in row]):
            raise ValueError(f"column {absent[0]} is required, the row has {', '.join(sorted(row))[:100]}")
        if self._reading is None or self._reading[0] is not packing:
            schema = Schema(columns=packing.columns, features=packing.features)
            self._reading = packing, Reading(schema, self.config)
        return np.asarray(
            self._reading[1].read(of_rows([row], [column.name for column in packing.columns]))[0]
        )

    def show(self, stored: Floats, packing: TablePacking, size: int = 64) -> str:
        return show.show_row(stored, packing, size)
