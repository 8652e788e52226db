"""Files that changed: the newer version of a file takes the place of the one of the same name.

    replaced/DIGEST.parquet   name, old, new, derived

name: of the file. old, new: ids. derived: new was not there before, so it takes over label and split of old. The
old version stays in its shard; a sample that no file holds any more is left out of snapshots.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from components.data.shards import (
    DUPLICATE,
    REPLACED,
    Index,
    LabelFile,
    Shard,
    batches,
    read_quarantine,
    read_shards,
    write_table,
)

ROW = pa.schema({"name": pa.string(), "old": pa.string(), "new": pa.string(), "derived": pa.bool_()})


class Replacement(NamedTuple):
    name: str
    old: str
    new: str
    derived: bool


class Replacements:
    """What followed what in a recipe's folder.

    Attributes:
        latest: name -> id of the newest version, of every file that ever changed.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder, self.index = folder, index
        self.rows = [
            Replacement(*values)
            for file in index.replaced
            for batch in batches(folder / file.file, ROW.names)
            for values in zip(*(batch[name] for name in ROW.names), strict=True)
        ]
        self.latest = {row.name: row.new for row in self.rows}

    def names(self) -> Iterator[tuple[str, str, str]]:
        """(name, id, delivery) of every sample, dropped duplicates included, former versions not."""
        name_files = self.index.name_files()
        for name, id, delivery in _all_names(self.folder, self.index):
            if not name_files(delivery) or self.latest.get(name, id) == id:
                yield name, id, delivery

    @cached_property
    def retired(self) -> frozenset[str]:
        """Ids of the samples that no file holds any more."""
        if not self.rows:
            return frozenset()
        concerned = {row.old for row in self.rows}
        return frozenset(concerned - {id for _, id, _ in self.names() if id in concerned})

    @cached_property
    def heirs(self) -> dict[str, str]:
        """Id of a retired sample -> the sample that takes over its labels; without an entry where none does."""
        after = {row.old: row.new for row in self.rows if row.derived and row.old in self.retired}
        heirs = {}
        for old in after:
            id = old
            while id in after:  # what replaced a sample last came later than the sample: this ends
                id = after[id]
            if id not in self.retired:
                heirs[old] = id
        return heirs

    @cached_property
    def origins(self) -> dict[str, str]:
        """Id of a newer version -> id of the first one, whose split it has."""
        origins: dict[str, str] = {}
        for row in self.rows:
            if row.derived:
                origins.setdefault(row.new, origins.get(row.old, row.old))
        return origins


def without_ids(rows: Iterable[Replacement], ids: Collection[str]) -> list[Replacement]:
    """The rows as if these samples had never come: what replaced one of them replaces what that one had replaced."""
    before: dict[
        tuple[str, str], str
    ] = {}  # name, forgotten sample -> the last sample before it, "" for none
    kept = []
    for row in rows:
        old = before.pop((row.name, row.old), "") if row.old in ids else row.old
        if row.new in ids:
            before[row.name, row.new] = old
        elif old and old != row.new:
            kept.append(row._replace(old=old))
    return kept


def read_current(
    folder: Path, index: Index, columns: list[str]
) -> Iterator[tuple[Shard, dict[str, list[Any]]]]:
    """read_shards without the samples that no file holds any more."""
    retired = Replacements(folder, index).retired
    for shard, batch in read_shards(folder, index, ["id", *columns] if retired else columns):
        if retired:
            kept = [place for place, id in enumerate(batch["id"]) if id not in retired]
            batch = {name: [values[place] for place in kept] for name, values in batch.items()}
        yield shard, batch


def write_replaced(folder: Path, rows: Sequence[Replacement], part: bool = False) -> list[LabelFile]:
    """Rows in a file of their own, for the index; none where there are none. part: see shards.publish."""
    if not rows:
        return []
    columns = dict(zip(ROW.names, map(list, zip(*rows, strict=True)), strict=True))
    file = write_table(folder, REPLACED, columns, ROW, part)
    return [LabelFile(file=file, rows=len(rows), digest=Path(file).stem)]


def _all_names(folder: Path, index: Index) -> Iterator[tuple[str, str, str]]:
    for _, batch in read_shards(folder, index, ["name", "id", "delivery"]):
        yield from zip(batch["name"], batch["id"], batch["delivery"], strict=True)
    for delivery, name, reason in read_quarantine(folder, index.deliveries):
        kind, _, id = reason.partition(": ")
        if kind == DUPLICATE:
            yield name, id, delivery
