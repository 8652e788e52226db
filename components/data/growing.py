"""A recipe's folder while an ingest adds to it: the index as it grows, and the samples that are there already."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from components.data import labels
from components.data.shards import (
    BAD,
    PART,
    QUARANTINE,
    Delivery,
    Index,
    Shard,
    ShardWriter,
    publish,
    read_quarantine,
    read_shards,
    write_table,
)


class Growing:
    """index: as it is on the disk. known: id -> (delivery that brought it, name that it has there).

    shard_size: samples a shard.
    """

    def __init__(self, folder: Path, shard_size: int) -> None:
        self.folder, self.shard_size = folder, shard_size
        self.clear()
        self.index = Index.load(folder)
        self.known: dict[str, tuple[str, str]] = {}
        for shard, batch in read_shards(folder, self.index, ["id", "name"]):
            places = ((shard.delivery, name) for name in batch["name"])
            self.known.update(zip(batch["id"], places, strict=True))

    def clear(self) -> None:
        """Away with what a delivery left that was not finished."""
        shutil.rmtree(self.folder / PART, ignore_errors=True)

    def has(self, name: str, digest: str) -> bool:
        """Whether a delivery of this name and content has been taken."""
        return any((record.name, record.digest) == (name, digest) for record in self.index.deliveries)

    def writer(self, delivery: str) -> ShardWriter:
        return ShardWriter(self.folder, delivery, self.shard_size)

    def quarantined(self, delivery: str) -> set[tuple[str, str]]:
        """(name, reason) of what earlier deliveries of this name brought and no shard took."""
        records = (record for record in self.index.deliveries if record.name == delivery)
        return {known for record in records for known in read_quarantine(self.folder, record)}

    def quarantine(self, delivery: str, bad: list[tuple[str, str, bytes]]) -> str | None:
        """The file that lists bad samples: (name, reason, first bytes) each. None where there are none."""
        if not bad:
            return None
        names, reasons, heads = (list(column) for column in zip(*bad, strict=True))
        columns = {"name": names, "reason": reasons, "delivery": [delivery] * len(bad), "bytes": heads}
        file = write_table(self.folder, QUARANTINE, columns, BAD, part=True)
        publish(self.folder, [file])
        return file

    def commit(self, record: Delivery, shards: list[Shard], rows: Iterable[labels.Row] = ()) -> None:
        """A delivery counts from here on; its labels with it, or a kill in between would lose them."""
        index = self.index.model_copy(update={
            "shards": self.index.shards + shards, "deliveries": [*self.index.deliveries, record],
        })  # fmt: skip
        self.index, _ = labels.append(self.folder, index, rows)
        self.index.save(self.folder)

    def keep(self, shards: list[Shard]) -> None:
        """Shards that belong to no delivery of this run count from here on."""
        self.index = self.index.model_copy(update={"shards": self.index.shards + shards})
        self.index.save(self.folder)

    def label(self, rows: Iterable[labels.Row]) -> None:
        """Labels that came without samples."""
        self.index, new = labels.append(self.folder, self.index, rows)
        if new:
            self.index.save(self.folder)
