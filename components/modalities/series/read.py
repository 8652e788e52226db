"""Which files, and what of them, are series: .npy, .npz, .ts, and long and wide tables."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from components.arrays import Doubles, Floats
from components.data.label_files import is_label_file
from components.data.reader import Reader, TableSample
from components.data.tables import UNREADABLE
from components.data.walk import suffix_of
from components.modalities.series.check import check_series
from components.modalities.series.config import SeriesConfig, SeriesLimits
from components.modalities.series.decode import MAGIC, encode, plain
from components.modalities.series.tables import Found, read_table, value_columns
from components.modalities.series.ts_file import read_ts
from components.modalities.series.windows import spans

ARRAY, ARRAYS, TS = ".npy", ".npz", ".ts"


class SeriesReader(Reader):
    """Files of one series, files of many, and tables. Where series are cut into windows, every file holds many
    samples."""

    noun = "series"

    def __init__(self, config: SeriesConfig, limits: SeriesLimits) -> None:
        self.config, self.limits, self.max_bytes = config, limits, limits.max_bytes
        self.target = config.target
        cut = config.window is not None
        self.suffixes = frozenset() if cut else frozenset({ARRAY})
        self.containers = frozenset({ARRAYS, TS, *([ARRAY] if cut else [])})
        columns = f"the column `{config.series}`" if config.form == "long" else "a series in each row"
        self.wanted = f".npy, .npz or .ts files, or tables (CSV, TSV, JSON lines, Parquet) with {columns}"

    def begins_like(self, head: bytes) -> bool:
        return head.startswith(MAGIC) and self.config.window is None

    def is_table(self, path: str, columns: set[str]) -> bool:
        """Every table that has values, except label files. One without the column of the series is refused when it is
        read, not taken for something else."""
        return not is_label_file(path) and bool(value_columns(columns, self.config))

    def count(self, file: Path) -> int:
        """Samples of a file that holds several, windows counted."""
        return sum(1 for _ in self.rows(file, file.name, None))

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        origin, group = (name.lower() if name else None for name in (source, self.group))
        match suffix_of(file.name):
            case ".npy":
                found = iter([Found(delivery, _loaded(file, self.config), [])])
            case ".npz":
                found = _of_arrays(file, delivery, self.config)
            case ".ts":
                lines = enumerate(read_ts(file))
                found = (Found(f"{delivery}#{number}", one.values, [one.label]) for number, one in lines)
            case _:
                found = read_table(file, self.config, origin, group)
        for number, series in enumerate(found):
            yield from self._samples(series, series.name or f"{delivery}#{number}")

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        return check_series(batch, self.limits, self.config.axes)

    def _samples(self, series: Found, name: str) -> Iterator[TableSample]:
        """The samples of one series: itself, or its windows."""
        if isinstance(series.values, str):
            yield TableSample(name, series.values.encode("utf-8", "backslashreplace"))
            return
        values = series.values.astype(np.float32, copy=False)
        for begin, end in spans(len(values), self.config.window, self.config.hop):
            labels = series.labels if len(series.labels) <= 1 else series.labels[begin:end]
            whole = begin == 0 and end == len(values)
            yield TableSample(
                name if whole else f"{name}@{begin}",
                encode(values[begin:end], self.config.axes),
                labels[0] if len(set(labels)) == 1 else "",
                series.source,
                series.group or ("" if self.config.window is None else name),
            )


def _loaded(file: Path, config: SeriesConfig) -> Floats | Doubles | str:
    """[T, C] of an .npy file, mapped rather than read."""
    try:
        return plain(np.load(file, mmap_mode="r", allow_pickle=False), config.axes)
    except (OSError, ValueError, EOFError) as error:
        return _why(error)


def _why(error: Exception) -> str:
    """What is wrong, as `check` will say it behind the kind."""
    said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return said.removeprefix("not a series: ")


def _of_arrays(file: Path, delivery: str, config: SeriesConfig) -> Iterator[Found]:
    """The arrays of an .npz file, in order."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            for name in arrays.files:
                values: Floats | Doubles | str
                try:
                    values = plain(arrays[name], config.axes)
                except ValueError as error:
                    values = _why(error)
                yield Found(f"{delivery}#{name}", values, [])
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{UNREADABLE}: {str(error)[:200]}") from None
