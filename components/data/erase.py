"""Samples taken out of a recipe's folder for good: every file that holds one is written anew without it, or goes.

A row tells of a sample by its id, as a duplicate of it, or by its very bytes. The versions of a file are as if it had
never held the sample: the next one inherits from the one before, and where it was the newest the one before is again.
"""

import hashlib
import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from components.crash import point
from components.data.replaced import Replacements, without_ids, write_replaced
from components.data.shards import DUPLICATE, LABELS, PART, QUARANTINE, REPLACED, SHARDS, Index, write_table
from components.files import fsync

MAGIC = b"PAR1"  # of a Parquet file


def without(table: pa.Table, ids: Collection[str]) -> pa.Table:
    """The rows that tell of none of these samples; the table itself where none does."""
    named, reasons = set(ids), {f"{DUPLICATE}: {id}" for id in ids}
    told = [False] * len(table)
    for column, wanted in (("id", named), ("old", named), ("new", named), ("reason", reasons)):
        if column in table.column_names:
            told = [t or value in wanted for t, value in zip(told, table[column].to_pylist(), strict=True)]
    if "bytes" in table.column_names and "id" not in table.column_names:
        digests = (hashlib.sha256(data or b"").hexdigest() for data in table["bytes"].to_pylist())
        told = [t or digest in named for t, digest in zip(told, digests, strict=True)]
    return table.filter(pa.array([not t for t in told], pa.bool_())) if any(told) else table


def read(file: Path | BinaryIO) -> pa.Table:
    """A whole Parquet file, read by this thread alone: a process that ends while pyarrow's threads live may abort."""
    return pq.read_table(file, use_threads=False, pre_buffer=False)


def holds(data: bytes, ids: Collection[str]) -> bool:
    """Whether the content of a file, as DVC keeps it, tells of one of these samples."""
    if not data.startswith(MAGIC):
        return False
    table = read(io.BytesIO(data))
    return len(without(table, ids)) < len(table)


def holding(folder: Path, ids: Collection[str]) -> list[str]:
    """Files of a recipe's folder, relative to it, that tell of one of these samples: also those that a crash left."""
    found = [
        file
        for kind in (SHARDS, QUARANTINE, LABELS, REPLACED)
        for file in sorted((folder / kind).glob("*.parquet"))
    ]
    found += sorted((folder / PART).rglob("*.parquet"))
    return [file.relative_to(folder).as_posix() for file in found if holds(file.read_bytes(), ids)]


def erase(folder: Path, ids: Collection[str]) -> list[str]:
    """Write the folder anew without these samples; the files that held one are gone. Call it with the folder held for
    writing. One that was killed is ended by the next call.

    Returns:
        the names of those files, relative to the folder.
    """
    index, held = Index.load(folder), holding(folder, ids)
    if not held:
        return []
    past = Replacements(folder, index)
    heirs = {id: heir for id, heir in past.heirs.items() if id in ids and heir not in ids}
    replaced, chains = index.replaced, {one.file for one in index.replaced}
    if chains & set(held):
        replaced = write_replaced(folder, without_ids(past.rows, ids))
    made = {
        name: _rewritten(folder, name, ids, heirs) for name in sorted((index.files() - chains) & set(held))
    }
    shards = [
        shard.model_copy(update={"file": new[0], "digest": Path(new[0]).stem, "rows": new[1]})
        for shard in index.shards
        if (new := made.get(shard.file, (shard.file, shard.rows)))[1]
    ]
    labels = [
        given.model_copy(update={"file": new[0], "digest": Path(new[0]).stem, "rows": new[1]})
        for given in index.labels
        if (new := made.get(given.file, (given.file, given.rows)))[1]
    ]
    deliveries = [
        delivery.model_copy(update={"quarantine": made[delivery.quarantine][0] or None})
        if delivery.quarantine in made
        else delivery
        for delivery in index.deliveries
    ]
    changed = index.model_copy(
        update={"shards": shards, "labels": labels, "deliveries": deliveries, "replaced": replaced}
    )
    changed.save(folder)
    point("forget.index")
    for name in (chains | set(held)) - changed.files():
        (folder / name).unlink()
    for parent in {(folder / name).parent for name in held}:
        fsync(parent)
    return held


def _rewritten(folder: Path, name: str, ids: Collection[str], heirs: Mapping[str, str]) -> tuple[str, int]:
    """Name and rows of the file that stands in place of one; no name where nothing is left.

    heirs: id -> the sample that has its labels.
    """
    table = read(folder / name)
    if name.startswith(f"{LABELS}/"):
        place = table.column_names.index("id")
        own = pa.array([heirs.get(id, id) for id in table["id"].to_pylist()], pa.string())
        table = table.set_column(place, table.schema.field("id"), own)
    table = without(table, ids)
    if not len(table):
        return "", 0
    return write_table(folder, name.split("/")[0], table.to_pydict(), table.schema), len(table)
