"""Samples on disk: append-only Parquet shards and quarantine lists, named by their content, and the index of
them.

    index.json               what counts; written last, so what it does not name is not there
    shards/DIGEST.parquet     id, bytes, name, delivery; source and group, where samples have any
    quarantine/DIGEST.parquet name, reason, delivery, bytes (the first 64 KiB)
    labels/DIGEST.parquet     see labels.py
    replaced/DIGEST.parquet   see replaced.py

DIGEST: sha256 of the file. id: sha256 (hex) of the sample's encoded bytes. The same samples in the same order
give the same bytes: Parquet options are fixed here, and nothing in a file tells the time or the machine.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from components.config import Config
from components.crash import point
from components.errors import UserError
from components.files import fsync, write_atomically
from components.wording import counted

INDEX = "index.json"
SHARDS, QUARANTINE, LABELS, REPLACED = "shards", "quarantine", "labels", "replaced"
DUPLICATE = "duplicate"  # kind of the reason for which a good sample is dropped
PART = ".part"  # files of a delivery that is not finished; of no value to the next run
TEXT, BINARY = pa.string(), pa.large_binary()
SHARD = pa.schema({"id": TEXT, "bytes": BINARY, "name": TEXT, "delivery": TEXT})
TOLD = ("source", "group")  # columns of a shard that are there only where a sample has a value
BAD = pa.schema({"name": TEXT, "reason": TEXT, "delivery": TEXT, "bytes": BINARY})


class Shard(Config):
    """file: relative to the recipe's folder. digest: sha256 of the file. delivery: name of the one it came
    with, "FIRST to LAST" where small ones share it; the file has it sample by sample.
    """

    file: str
    rows: int
    digest: str
    delivery: str


class Delivery(Config):
    """What came in at once. digest: of its content. quarantined: kind of reason -> samples. quarantine: the list
    that they are in, perhaps with those of other deliveries. paths: whether it is a Parquet table of paths, whose
    samples' names are those of files.
    """

    digest: str
    name: str
    accepted: int
    duplicates: int
    quarantined: dict[str, int] = Field(default_factory=dict)
    quarantine: str | None = None
    paths: bool = False


class LabelFile(Config):
    file: str
    rows: int
    digest: str


class Index(Config):
    """All that a recipe's folder holds, in order of arrival."""

    shards: list[Shard] = Field(default_factory=list)
    deliveries: list[Delivery] = Field(default_factory=list)
    labels: list[LabelFile] = Field(default_factory=list)
    replaced: list[LabelFile] = Field(default_factory=list)

    @property
    def samples(self) -> int:
        return sum(shard.rows for shard in self.shards)

    def name_files(self) -> "Callable[[str], bool]":
        """Whether the names of a delivery's samples are paths of files, not what a table of samples calls them."""
        tables = {delivery.name for delivery in self.deliveries if delivery.paths}
        return lambda delivery: delivery in tables or not delivery.lower().endswith(".parquet")

    def files(self) -> set[str]:
        """Every file that counts, relative to the folder; the index itself not."""
        lists = {delivery.quarantine for delivery in self.deliveries if delivery.quarantine}
        return (
            lists | {shard.file for shard in self.shards} | {one.file for one in self.labels + self.replaced}
        )

    @classmethod
    def load(cls, folder: Path) -> "Index":
        """The index of a recipe's folder; an empty one where there is none yet.

        Raises:
            UserError: it cannot be read, or names files that are not there.
        """
        file = folder / INDEX
        if not file.exists():
            return cls()
        try:
            index = cls.model_validate_json(file.read_bytes())
        except ValueError as error:
            why = str(error).splitlines()[0][:80]
            raise UserError(
                "data-damaged", f"{file} cannot be read ({why}); restore it with `dvc checkout`"
            ) from None
        missing = sorted(index.files() - present(folder))
        if missing:
            lost = f"{counted(len(missing), 'file')}, e.g. {missing[0]}"
            raise UserError("data-damaged", f"{folder} lacks {lost}; restore them with `dvc checkout`")
        return index

    def save(self, folder: Path) -> None:
        """Atomic: a reader sees the old index or the new one."""
        folder.mkdir(parents=True, exist_ok=True)
        shown = self.model_dump(mode="json", exclude=None if self.replaced else {"replaced"})
        for delivery in shown["deliveries"]:
            if not delivery["paths"]:  # as it was written before there was this field
                del delivery["paths"]
        text = json.dumps(shown, indent=1, sort_keys=True) + "\n"

        def write(stream: BinaryIO) -> None:
            stream.write(text.encode())
            point("ingest.index")

        write_atomically(folder / INDEX, write)


def present(folder: Path) -> set[str]:
    """The Parquet files of a recipe's folder, whether they count or not, relative to it."""
    found = set()
    for kind in (SHARDS, QUARANTINE, LABELS, REPLACED):
        with suppress(FileNotFoundError), os.scandir(folder / kind) as entries:
            found |= {f"{kind}/{entry.name}" for entry in entries if entry.name.endswith(".parquet")}
    return found


def folder_digest(folder: Path) -> str:
    """Sha256 (hex) that names all content of a recipe's folder, since the index names every file by its
    digest.
    """
    file = folder / INDEX
    return hashlib.sha256(file.read_bytes() if file.exists() else b"").hexdigest()


def damaged(folder: Path) -> list[str]:
    """Files of a recipe's folder whose content is not what their name says, relative to it, sorted."""
    return [
        name
        for name in sorted(Index.load(folder).files())
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != Path(name).stem
    ]


def read_shards(
    folder: Path, index: Index, columns: list[str]
) -> Iterator[tuple[Shard, dict[str, list[Any]]]]:
    """Columns of all samples, in order, some hundred at a time: (shard, {column: values})."""
    for shard in index.shards:
        for batch in batches(folder / shard.file, columns):
            yield shard, batch


def read_quarantine(folder: Path, deliveries: Iterable[Delivery]) -> Iterator[tuple[str, str, str]]:
    """(delivery, name, reason) of what some deliveries brought and no shard took; of a duplicate "duplicate: ID"."""
    lists: dict[str, set[str]] = {}
    for delivery in deliveries:
        if delivery.quarantine:
            lists.setdefault(delivery.quarantine, set()).add(delivery.name)
    for file, names in lists.items():
        for batch in batches(folder / file, ["delivery", "name", "reason"]):
            rows = zip(batch["delivery"], batch["name"], batch["reason"], strict=True)
            yield from (row for row in rows if row[0] in names)


def batches(file: Path, columns: list[str]) -> Iterator[dict[str, list[Any]]]:
    """Columns of one file of the folder, some hundred rows at a time.

    Raises:
        UserError: it is damaged.
    """
    try:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(512, columns=columns):
                yield batch.to_pydict()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from None


def column(file: Path, name: str) -> pa.ChunkedArray:
    """One column of one file of the folder.

    Raises:
        UserError: it is damaged.
    """
    try:
        with pq.ParquetFile(file) as parquet:
            return parquet.read([name], use_threads=False)[name]
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> UserError:
    why = str(error).splitlines()[0][:80]
    return UserError(
        "data-damaged", f"{file} cannot be read ({why}); bring it back with `selfsup data checkout`"
    )


def write_table(
    folder: Path, kind: str, columns: dict[str, list[Any]], schema: pa.Schema, part: bool = False
) -> str:
    """Write one content-addressed Parquet file; returns its path relative to folder. part: see publish."""
    sink = io.BytesIO()
    # Encoded images hardly shrink: LZ4 passes them on in a fifth of zstd's time and still packs bitmaps.
    codecs = {name: "lz4" if name == "bytes" else "zstd" for name in schema.names}
    levels = {name: 3 for name, codec in codecs.items() if codec == "zstd"}
    table = pa.table([_array(columns[name], schema.field(name).type) for name in schema.names], schema)
    pq.write_table(
        table, sink, row_group_size=1024, compression=codecs, compression_level=levels,
        use_dictionary=[name for name in ("delivery", "label", "split", *TOLD) if name in schema.names],
        write_statistics=False, store_schema=False, version="2.6", data_page_version="1.0",
    )  # fmt: skip
    data = sink.getbuffer()
    name = f"{kind}/{hashlib.sha256(data).hexdigest()}.parquet"
    file = folder / PART / name if part else folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, lambda out: out.write(data))
    return name


def _array(values: list[Any], type: pa.DataType) -> pa.Array:
    """Text, bytes or booleans, none missing, as pa.array gives them, which imports pandas (.25 s, 30 MB)."""
    if pa.types.is_boolean(type):
        packed = np.packbits(np.array(values, bool), bitorder="little")
        return pa.Array.from_buffers(type, len(values), [None, pa.py_buffer(packed)])
    data = [value.encode() for value in values] if pa.types.is_string(type) else values
    ends = np.cumsum([0, *map(len, data)], dtype=np.int64)
    if type != BINARY:
        assert ends[-1] <= np.iinfo(np.int32).max, f"{ends[-1]} bytes of {type} in one file"
        ends = ends.astype(np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(data))]
    return pa.Array.from_buffers(type, len(values), buffers)


def publish(folder: Path, names: list[str]) -> None:
    """Give files written as a part their place; after it only the index is missing."""
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / PART / name).replace(target)
    for parent in sorted({(folder / name).parent for name in names}):
        fsync(parent)


class ShardWriter:
    """Takes samples one at a time and writes a shard whenever `rows` or `size` bytes are full. Nothing counts
    before finish(), which moves all shards to their place and returns them. Small deliveries share a shard; where
    one fills it, the earlier ones get a shard of their own, so that abandon() can take back all of a delivery.
    """

    def __init__(self, folder: Path, delivery: str, rows: int, size: int = 64 * 1024**2) -> None:
        self.folder, self.delivery, self.rows, self.size = folder, delivery, rows, size
        self._clear()

    def _clear(self) -> None:
        self.shards: list[Shard] = []
        self._columns: dict[str, list[Any]] = {name: [] for name in (*SHARD.names, *TOLD)}
        self._bytes = 0
        self.begin(self.delivery)

    @property
    def open_rows(self) -> int:
        """Samples of the shard that is not written yet."""
        return len(self._columns["id"])

    @property
    def full(self) -> bool:
        """Whether the next sample begins another shard."""
        return self.open_rows >= self.rows or self._bytes >= self.size

    @property
    def pending(self) -> int:
        """Samples that finish() will make count."""
        return sum(shard.rows for shard in self.shards) + self.open_rows

    def begin(self, delivery: str) -> None:
        """A delivery begins: samples are of this one from here on."""
        self.delivery = delivery
        self._begun = len(self.shards), self.open_rows, self._bytes

    def add(self, id: str, data: bytes, name: str, source: str = "", group: str = "") -> None:
        if self.full:
            self._flush(self._begun[1] or self.open_rows)
        columns = self._columns
        columns["id"].append(id)
        columns["bytes"].append(data)
        columns["name"].append(name)
        columns["delivery"].append(self.delivery)
        columns["source"].append(source)
        columns["group"].append(group)
        self._bytes += len(data)

    def _flush(self, rows: int) -> None:
        """Write the first samples as a shard."""
        if not rows:
            return
        first = {name: values[:rows] for name, values in self._columns.items()}
        for values in self._columns.values():
            del values[:rows]
        self._bytes = sum(map(len, self._columns["bytes"]))
        schema = SHARD
        for name in TOLD:
            schema = schema.append(pa.field(name, TEXT)) if any(first[name]) else schema
        columns = {name: first[name] for name in schema.names}
        file = write_table(self.folder, SHARDS, columns, schema, part=True)
        point("ingest.written")
        names = columns["delivery"]
        delivery = names[0] if names[0] == names[-1] else f"{names[0]} to {names[-1]}"
        self.shards.append(Shard(file=file, rows=rows, digest=Path(file).stem, delivery=delivery))
        if self._begun[1]:  # it holds earlier deliveries only: what is left is of the one that has begun
            self._begun = len(self.shards), 0, 0

    def finish(self) -> list[Shard]:
        self._begun = len(self.shards), 0, 0
        self._flush(self.open_rows)
        shards = self.shards
        publish(self.folder, [shard.file for shard in shards])
        point("ingest.shards")
        self._clear()
        return shards

    def abandon(self) -> None:
        """Take back all of the delivery that has begun."""
        shards, rows, self._bytes = self._begun
        for shard in self.shards[shards:]:
            (self.folder / PART / shard.file).unlink(missing_ok=True)
        del self.shards[shards:]
        for values in self._columns.values():
            del values[rows:]
