"""Parquet files that strangers deliver, read within a bounded memory.

A thousand bytes can unfold to gigabytes: by compression, by a dictionary, by runs of one value. What a file says of
its sizes is checked first, but it may lie; so before it is read here a fork reads it once, with so little memory that
it dies in place of this process, and stops where more comes out than any honest file holds.
"""

import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.forks import once

ROWS, BATCH_BYTES = 4096, 16 << 20  # of a batch, at most; by the sizes that the file states
BUDGET = 300 << 20  # bytes of memory for reading one file
RATIO, FREE = 1000, 1 << 30  # a file may unfold to FREE bytes, and to so many times its size
STEP = 1 << 20  # bytes that are read from the disk at once


@contextmanager
def opened(file: Path) -> Iterator[pq.ParquetFile]:
    """The file, of which only the schema and what the file says of itself may be read; rows: see batches."""
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=STEP) as parquet:
        yield parquet


def batches(
    file: Path, parquet: pq.ParquetFile, rows: int = ROWS, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """All rows of an opened file, at most `rows` and about BATCH_BYTES at a time.

    Raises:
        ValueError: it takes more memory, or unfolds to more, than it may.
    """
    found = file.stat()
    if (reason := _refused(str(file), found.st_size, found.st_mtime_ns)) is not None:
        raise ValueError(reason)
    yield from _read(parquet, rows, columns)


def _read(parquet: pq.ParquetFile, rows: int, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    metadata = parquet.metadata
    stated = sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups))
    fit = BATCH_BYTES * max(1, metadata.num_rows) // max(1, stated)
    named = None if columns is None else list(columns)
    for batch in parquet.iter_batches(max(1, min(rows, fit)), columns=named, use_threads=False):
        yield _plain(batch)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns that hold numbers of a dictionary hold its values: as many bytes as a reader of rows will take."""
    if not any(pa.types.is_dictionary(field.type) for field in batch.schema):
        return batch
    columns = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


@lru_cache(maxsize=256)
def _refused(file: str, size: int, changed: int) -> str | None:
    """Why a file of this size and time is not read, None where it is."""
    with opened(Path(file)) as parquet:
        metadata = parquet.metadata
        stated = sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups))
    if stated > max(FREE, RATIO * size):
        return _too_much(stated, size)
    ended = once(lambda: _try(file, size))
    if ended.died or isinstance(ended.error, MemoryError):
        return f"reading it takes more than {BUDGET >> 20} MB of memory; save it with smaller row groups"
    if ended.error is not None:
        return str(ended.error)
    return None if ended.result is None else str(ended.result)


def _try(file: str, size: int) -> str | None:
    """In a fork: read all of a file with little memory; why it is refused."""
    _limit_memory()
    unfolded = 0
    with opened(Path(file)) as parquet:
        for batch in _read(parquet, ROWS, None):
            unfolded += batch.nbytes
            if unfolded > max(FREE, RATIO * size):
                return _too_much(unfolded, size)
    return None


def _limit_memory() -> None:
    """This process may take BUDGET more bytes than it has; elsewhere than on Linux the sizes stated must do.

    Arrow's own allocator maps a gigabyte in advance, which is below no limit: stages run with the system's
    (ARROW_DEFAULT_MEMORY_POOL, set by pipelines.engine.processes).
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        held = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
        resource.setrlimit(resource.RLIMIT_DATA, (held + BUDGET, held + BUDGET))


def _too_much(unfolded: int, size: int) -> str:
    return f"{size:,} bytes unfold to {unfolded / 1e9:,.1f} GB or more, more than {RATIO} times its size"
