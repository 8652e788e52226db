"""A recipe's folder while an ingest adds to it: the index as it grows, and the samples that are there already.

What deliveries bring counts when the index is written. That costs as much as the index is long, so it is done when
as many samples have come as the index has entries, and at least a shard full.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from components.crash import point
from components.data import labels
from components.data.file_cache import FileCache
from components.data.replaced import Replacement, Replacements, write_replaced
from components.data.shards import (
    BAD,
    PART,
    QUARANTINE,
    Delivery,
    Index,
    LabelFile,
    Shard,
    ShardWriter,
    folder_digest,
    publish,
    read_quarantine,
    read_shards,
    write_table,
)

Bad = tuple[str, str, bytes]  # name, reason, first bytes


class Growing:
    """index: as it is on the disk. known: ids of the samples that were there before. new: of those that came since,
    also of deliveries that do not count yet.

    shard_size: samples a shard. files: what the files of the inbox held. mended: whether what was quarantined for a
    kind of reason would be taken today: such a delivery counts as new.
    """

    def __init__(
        self,
        folder: Path,
        shard_size: int,
        files: FileCache,
        mended: Callable[[str], bool] = lambda kind: False,
    ) -> None:
        self.folder, self.shard_size, self.files = folder, shard_size, files
        self.clear()
        self.index = Index.load(folder)
        self.known: set[bytes] = set()
        self.new: set[bytes] = set()
        for _, batch in read_shards(folder, self.index, ["id"]):
            self.known.update(map(bytes.fromhex, batch["id"]))
        files.sync(folder_digest(folder), self._files())
        self.writer = ShardWriter(folder, "", shard_size)
        self._taken = {
            (record.name, record.digest)
            for record in self.index.deliveries
            if not any(map(mended, record.quarantined))
        }
        self._earlier: dict[str, list[Delivery]] = {}
        for record in self.index.deliveries:
            self._earlier.setdefault(record.name, []).append(record)
        self._forget()

    def __contains__(self, id: bytes) -> bool:
        return id in self.new or id in self.known

    def _forget(self) -> None:
        self._records: list[Delivery] = []
        self._bad: list[tuple[str, Bad]] = []
        self._replaced: list[Replacement] = []
        self._labels: list[Sequence[labels.Row]] = []

    def _files(self) -> Iterator[tuple[str, bytes]]:
        name_files = self.index.name_files()
        for name, id, delivery in Replacements(self.folder, self.index).names():
            if name_files(delivery):
                yield name, bytes.fromhex(id)

    def clear(self) -> None:
        """Away with what a delivery left that was not finished."""
        shutil.rmtree(self.folder / PART, ignore_errors=True)

    def has(self, name: str, digest: str) -> bool:
        """Whether a delivery of this name and content has been taken, and nothing of it is quarantined for a reason
        that holds no longer."""
        return (name, digest) in self._taken

    def rows(self, delivery: str) -> set[tuple[str, bytes]]:
        """(name, id) of the samples that earlier deliveries of this name brought."""
        if delivery not in self._earlier:
            return set()
        return {
            (name, bytes.fromhex(id))
            for _, batch in read_shards(self.folder, self.index, ["id", "name", "delivery"])
            for id, name, of in zip(batch["id"], batch["name"], batch["delivery"], strict=True)
            if of == delivery
        }

    def quarantined(self, delivery: str) -> set[tuple[str, str]]:
        """(name, reason) of what earlier deliveries of this name brought and no shard took."""
        earlier = self._earlier.get(delivery, [])
        return {(name, reason) for _, name, reason in read_quarantine(self.folder, earlier)}

    def add(
        self, record: Delivery, bad: Iterable[Bad] = (), replaced: Iterable[Replacement] = (),
        rows: Sequence[labels.Row] = (),
    ) -> None:  # fmt: skip
        """A delivery is complete, its samples are in the writer; it counts when the index is next written."""
        self._records.append(record)
        self._bad += ((record.name, one) for one in bad)
        self._replaced += replaced
        self._labels.append(rows)
        if self.writer.full or record.accepted >= self.shard_size:
            self._commit_if_due()

    def make_room(self, samples: int) -> None:
        """Before a delivery of so many samples: those that are complete count if they would not share a shard with
        it."""
        if self._records and self.writer.open_rows + samples > self.shard_size:
            self._commit_if_due()

    def _commit_if_due(self) -> None:
        if self.writer.pending >= len(self.index.deliveries) + len(self.index.shards):
            self.commit()

    def commit(self) -> None:
        """All that is complete counts from here on; labels with their samples, or a kill in between would lose them."""
        if not self._records:
            self.files.commit(folder_digest(self.folder))
            return
        shards = self.writer.finish()
        quarantine, bad = self._write_bad(), {delivery for delivery, _ in self._bad}
        records = [
            record.model_copy(update={"quarantine": quarantine}) if record.name in bad else record
            for record in self._records
        ]
        index = self.index.model_copy(update={
            "shards": self.index.shards + shards, "deliveries": self.index.deliveries + records,
            "replaced": self.index.replaced + self._write_replaced(),
        })  # fmt: skip
        for rows in labels.in_turn(self._labels):
            index, _ = labels.append(self.folder, index, rows)
        self._save(index)
        self._taken |= {(record.name, record.digest) for record in records}
        self._forget()
        point("ingest.indexed")

    def _write_bad(self) -> str | None:
        """The list of what is bad in all deliveries that are complete."""
        if not self._bad:
            return None
        deliveries, bad = zip(*self._bad, strict=True)
        names, reasons, heads = (list(column) for column in zip(*bad, strict=True))
        columns = {"name": names, "reason": reasons, "delivery": list(deliveries), "bytes": heads}
        file = write_table(self.folder, QUARANTINE, columns, BAD, part=True)
        publish(self.folder, [file])
        return file

    def _write_replaced(self) -> list[LabelFile]:
        written = write_replaced(self.folder, self._replaced, part=True)
        publish(self.folder, [one.file for one in written])
        return written

    def keep(self, shards: list[Shard]) -> None:
        """Shards that belong to no delivery of this run count from here on."""
        self._save(self.index.model_copy(update={"shards": self.index.shards + shards}))

    def label(self, parts: Iterable[labels.Part]) -> None:
        """Labels that came without samples; see labels.append_parts."""
        index, new = labels.append_parts(self.folder, self.index, parts)
        if new:
            self._save(index)

    def _save(self, index: Index) -> None:
        index.save(self.folder)
        self.index = index
        self.files.commit(folder_digest(self.folder))
