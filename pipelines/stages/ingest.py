"""Ingest: what lies in the inbox becomes checked samples in shards, and labels in the label table.

Writes the recipe's folder under settings.data, delivery by delivery; the index is written after each, last. A
run that was killed leaves nothing that counts of the delivery it was in, and the next one writes the same
bytes. A delivery whose content is known is passed over; one that has grown brings what is new in it.
"""

import csv
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt

from components.config import Config
from components.data import labels
from components.data.checks import ImageLimits, check_images, kind_of
from components.data.inbox import Delivery, Inbox, Item, Listing, is_label_file, read_rows
from components.data.shards import (
    BAD,
    DUPLICATE,
    INDEX,
    KEPT_BYTES,
    LABELS,
    PART,
    QUARANTINE,
    SHARDS,
    Index,
    Shard,
    ShardWriter,
    batches,
    folder_digest,
    publish,
    read_quarantine,
    read_shards,
    write_table,
)
from components.data.shards import Delivery as Record
from components.errors import UserError
from components.modalities import ModalityConfig
from pipelines.context import Artifact, Context
from pipelines.settings import Settings

VERSION = 1
CHUNK = 256  # samples checked at a time


class Request(Config):
    """inbox: a folder. labels_from: "file": labels*.csv and label columns; "folders": the folder above an
    image too; None: no labels at all. max_bad_share: of a delivery; more stops the stage. shard_size: samples
    a shard. settle_seconds: a file that cannot be read and is younger than this is left for the next time.
    """

    inbox: str
    modality: ModalityConfig
    labels_from: Literal["file", "folders"] | None = "file"
    max_bad_share: float = Field(default=0.05, ge=0, le=1)
    limits: ImageLimits = Field(default_factory=ImageLimits)
    shard_size: PositiveInt = 4096
    settle_seconds: NonNegativeFloat = 5.0


class Output(Config):
    """Counts of this run, then of the folder. quarantined: kind of reason -> samples, duplicates apart.
    digest: names the folder's content. bad, unknown, contradictory: CSV lists for a person, where there is
    anything to list.
    """

    deliveries_new: int
    deliveries_known: int
    samples_new: int
    duplicates: int
    quarantined: dict[str, int]
    left: int
    ignored: int
    labels_new: int
    labels_unknown: int
    labels_contradictory: int
    samples: int
    labels: int
    classes: list[str]
    digest: str
    bad: Artifact | None = None
    unknown: Artifact | None = None
    contradictory: Artifact | None = None


def observe(request: Request, settings: Settings, recipe: str) -> dict[str, str]:
    """The inbox as it stands: a digest of paths, sizes and times.

    Where ingested data were taken away while the store was kept, the time too: that no earlier run is found.
    """
    inbox = Inbox(Path(request.inbox), request.settle_seconds, time.time())
    seen = {"inbox": inbox.digest() if inbox.folder.is_dir() else "missing"}
    if not (settings.data / recipe / INDEX).exists() and _was_here(settings, recipe):
        seen["data"] = f"gone, noticed at {time.time_ns()}"
    return seen


def _was_here(settings: Settings, recipe: str) -> bool:
    """Whether an ingest of this recipe has finished before."""
    manifests = settings.store.glob("ingest/*/manifest.json")
    return any(json.loads(file.read_bytes())["recipe"] == recipe for file in manifests)


def run(request: Request, folder: Path, context: Context) -> Output:
    """See the module.

    Raises:
        UserError: nothing to ingest, now or before; too many bad samples in a delivery; a labels file that
            makes no sense; the recipe's folder lacks files that its index names.
    """
    target = context.settings.data / context.recipe
    target.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        return Ingest(request, folder, context, target).run()


class Ingest:
    """One run: the index as it grows, the ids seen, and the counts."""

    def __init__(self, request: Request, folder: Path, context: Context, target: Path) -> None:
        self.request, self.folder, self.context, self.target = request, folder, context, target
        self.inbox = Inbox(Path(request.inbox), request.settle_seconds, time.time())
        self.index = Index.load(target)
        self.known: dict[str, tuple[str, str]] = {}  # id -> delivery that brought it, name that it has there
        for shard, batch in read_shards(target, self.index, ["id", "name"]):
            places = ((shard.delivery, name) for name in batch["name"])
            self.known.update(zip(batch["id"], places, strict=True))
        self.count: Counter[str] = Counter()
        self.quarantined: Counter[str] = Counter()
        self.bad: list[tuple[str, str, str]] = []  # delivery, name, reason
        self.mistakes: list[str] = []

    def run(self) -> Output:
        shutil.rmtree(self.target / PART, ignore_errors=True)
        orphans = self._orphans()
        listing = self._list()
        for place, delivery in enumerate(listing.deliveries):
            self.context.progress(place / len(listing.deliveries), delivery.name)
            self._take(delivery, listing)
        for path, reason in listing.broken.items():
            self._refuse(path, reason)
        self._adopt(orphans)
        unknown = self._label(listing)
        self._adopt_labels(orphans)
        shutil.rmtree(self.target / PART, ignore_errors=True)
        for path, reason in listing.left.items():
            self.context.say(f"left for the next time: {path}, {reason}")
        if listing.ignored:
            several = f"{len(listing.ignored)} files that are no images, e.g. {listing.ignored[0]}"
            self.context.say(f"ignored {several}")
        output = self._output(listing, unknown)
        self._tell(output)
        if self.mistakes:
            raise UserError("; ".join(self.mistakes))
        return output

    def _list(self) -> Listing:
        there = self.inbox.folder.is_dir()
        listing = self.inbox.list() if there else Listing()
        if not (listing.deliveries or listing.broken or self.index.shards):
            left = f" ({len(listing.left)} files there are still being written)" if listing.left else ""
            raise UserError(
                f"{'no samples in' if there else 'there is no'} inbox {self.request.inbox}{left}; put there"
                " image files, folders of them, or Parquet files with a column `image` (bytes), and run again"
                f"{self._back()}"
            )
        return listing

    def _back(self) -> str:
        """What else helps where there were data once."""
        pointer = self.target.parent.with_name(f"{self.target.parent.name}.dvc")
        return f"; or bring back what was there: `dvc checkout {pointer.name}`" if pointer.exists() else ""

    def _take(self, delivery: Delivery, listing: Listing) -> None:
        """One delivery, whole or not at all."""
        digest, name = self.inbox.content_digest(delivery), _text(delivery.name)
        if any((record.name, record.digest) == (name, digest) for record in self.index.deliveries):
            self.count["deliveries_known"] += 1
            return
        writer = ShardWriter(self.target, name, self.request.shard_size)
        before = {known for record in self.index.deliveries if record.name == name
                  for known in read_quarantine(self.target, record)}  # fmt: skip
        bad: list[tuple[str, str, bytes]] = []
        found: list[labels.Row] = []
        new: dict[str, tuple[str, str]] = {}
        total = wrong = 0
        try:
            for item, reason in self._checked(delivery):
                if reason is not None and item.fresh:
                    listing.left[item.name] = reason
                    continue
                total += 1
                wrong += reason is not None
                place, head = (name, _text(item.name)), item.data[:KEPT_BYTES]
                if reason is None:
                    id = hashlib.sha256(item.data).hexdigest()
                    if item.label:
                        found.append(labels.Row(id, _text(item.label), "delivery"))
                    if id in new or self.known.get(id, place) != place:
                        reason, head = f"{DUPLICATE}: {id}", b""
                    elif id not in self.known:
                        new[id] = place
                        writer.add(id, item.data, place[1])
                if reason is not None and (place[1], _text(reason)) not in before:
                    bad.append((place[1], _text(reason), head))
        except ValueError as error:  # the file itself is broken
            writer.abandon()
            self._refuse(delivery.name, str(error))
            return
        kinds = Counter(kind_of(why) for _, why, _ in bad)
        duplicates = kinds.pop(DUPLICATE, 0)
        self.bad += [(name, who, why) for who, why, _ in bad if kind_of(why) != DUPLICATE]
        self.quarantined += kinds
        if wrong > self.request.max_bad_share * total:
            writer.abandon()
            self.mistakes.append(self._too_bad(delivery.name, wrong, total, kinds))
            return
        if any(path in listing.left for path in delivery.files):
            digest = ""  # not all of it was read: it is not known yet
            if not (new or bad):
                return
        shards = writer.finish()
        record = Record(
            digest=digest,
            name=name,
            accepted=len(new),
            duplicates=duplicates,
            quarantined=dict(sorted(kinds.items())),
            quarantine=self._quarantine(name, bad),
        )
        self._commit(record, shards, found if self.request.labels_from else [])
        self.known |= new
        self.count["samples_new"] += len(new)
        self.count["duplicates"] += duplicates

    def _checked(self, delivery: Delivery) -> Iterator[tuple[Item, str | None]]:
        items = self.inbox.items(delivery, self.request.limits.max_bytes)
        while chunk := list(islice(items, CHUNK)):
            reasons = iter(check_images([i.data for i in chunk if i.reason is None], self.request.limits))
            for item in chunk:
                yield item, item.reason if item.reason is not None else next(reasons)

    def _quarantine(self, delivery: str, bad: list[tuple[str, str, bytes]]) -> str | None:
        if not bad:
            return None
        names, reasons, heads = (list(column) for column in zip(*bad, strict=True))
        columns = {"name": names, "reason": reasons, "delivery": [delivery] * len(bad), "bytes": heads}
        file = write_table(self.target, QUARANTINE, columns, BAD, part=True)
        publish(self.target, [file])
        return file

    def _refuse(self, path: str, reason: str) -> None:
        """A whole file that cannot be read: quarantined once, as one; a file of labels is its author's to
        mend.
        """
        if is_label_file(path):
            self.mistakes.append(f"{path} in {self.request.inbox}: {reason}; mend it or take it away")
            return
        name, digest = _text(path), self.inbox.content_digest(Delivery(path, "files", [path]))
        if any((record.name, record.digest) == (name, digest) for record in self.index.deliveries):
            self.count["deliveries_known"] += 1
            return
        with (self.inbox.folder / path).open("rb") as stream:
            head = stream.read(KEPT_BYTES)
        kinds, file = {kind_of(reason): 1}, self._quarantine(name, [(name, _text(reason), head)])
        entry = Record(digest=digest, name=name, accepted=0, duplicates=0, quarantined=kinds, quarantine=file)
        self._commit(entry, [])
        self.bad.append((name, name, _text(reason)))
        self.quarantined += Counter(kinds)
        self.context.say(f"{path}: quarantined as a whole, {reason}")

    def _commit(self, record: Record, shards: list[Shard], rows: Iterable[labels.Row] = ()) -> None:
        """A delivery counts from here on; its labels with it, or a kill in between would lose them."""
        index = self.index.model_copy(update={
            "shards": self.index.shards + shards, "deliveries": [*self.index.deliveries, record],
        })  # fmt: skip
        self.index, new = labels.append(self.target, index, rows)
        self.index.save(self.target)
        self.count["labels_new"] += new
        self.count["deliveries_new"] += 1

    def _label(self, listing: Listing) -> dict[str, str]:
        """Labels from files, and from folders if the recipe says so; returns the keys that mean no sample."""
        given: list[labels.Given] = []
        for path in listing.label_files if self.request.labels_from else ():
            try:
                given += labels.given_of(read_rows(self.inbox.folder / path), path)
            except ValueError as error:
                self.mistakes.append(str(error) if isinstance(error, UserError) else f"{path}: {error}")
        if self.request.labels_from == "folders":
            given += labels.from_folders(self.target, self.index)
        ids = labels.find(self.target, self.index, {key for key, _ in given})
        rows, unknown = labels.resolve(given, ids)
        self.index, new = labels.append(self.target, self.index, rows)
        if new:
            self.index.save(self.target)
        self.count["labels_new"] += new
        return unknown

    def _orphans(self) -> list[str]:
        """Files in place that the index does not name: a kill came between the two."""
        found = {path.relative_to(self.target).as_posix() for path in self.target.glob("*/*.parquet")}
        for rest in [*self.target.glob(".*.tmp"), *self.target.glob("*/.*.tmp")]:
            rest.unlink()
        return sorted(found - self.index.files())

    def _adopt(self, orphans: list[str]) -> None:
        """Shards that no delivery of this run has written again: samples that are nowhere else stay."""
        for file in (file for file in orphans if file not in self.index.files()):
            if file.startswith(f"{SHARDS}/"):
                writer: ShardWriter | None = None
                for batch in batches(self.target / file, ["bytes", "name", "delivery"]):
                    for data, name, delivery in zip(*batch.values(), strict=True):
                        id = hashlib.sha256(data).hexdigest()
                        if id not in self.known:
                            writer = writer or ShardWriter(self.target, delivery, self.request.shard_size)
                            writer.add(id, data, name)
                            self.known[id] = (delivery, name)
                if writer is not None:
                    shards = writer.finish()
                    self.index = self.index.model_copy(update={"shards": self.index.shards + shards})
                    self.index.save(self.target)
                    self.context.say(f"adopted {sum(s.rows for s in shards)} samples of {file}")
            if file not in self.index.files() and not file.startswith(f"{LABELS}/"):
                (self.target / file).unlink()

    def _adopt_labels(self, orphans: list[str]) -> None:
        """Labels that no file in the inbox gives again stay: somebody gave them."""
        for file in (file for file in orphans if file.startswith(f"{LABELS}/")):
            if file not in self.index.files():
                columns = [batch.values() for batch in batches(self.target / file, labels.ROW.names)]
                rows = [labels.Row(*row) for batch in columns for row in zip(*batch, strict=True)]
                self.index, new = labels.append(self.target, self.index, rows)
                if new:
                    self.index.save(self.target)
                if file not in self.index.files():
                    (self.target / file).unlink()

    def _output(self, listing: Listing, unknown: dict[str, str]) -> Output:
        settled = labels.settle(labels.read_labels(self.target, self.index))
        clashes = [(id, " | ".join(said)) for id, said in sorted(settled.contradictory.items())]
        counts: dict[str, Any] = {k: self.count[k] for k in
            ("deliveries_new", "deliveries_known", "samples_new", "duplicates", "labels_new")}  # fmt: skip
        return Output(
            **counts,
            quarantined=dict(sorted(self.quarantined.items())),
            left=len(listing.left),
            ignored=len(listing.ignored),
            labels_unknown=len(unknown),
            labels_contradictory=len(clashes),
            samples=self.index.samples,
            labels=len(settled.labels),
            classes=settled.classes,
            digest=folder_digest(self.target),
            bad=self._csv("bad.csv", ("delivery", "name", "reason"), self.bad),
            unknown=self._csv("labels-unknown.csv", ("key", "reason"), sorted(unknown.items())),
            contradictory=self._csv("labels-contradictory.csv", ("id", "labels"), clashes),
        )

    def _csv(self, name: str, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Artifact | None:
        file = self.folder / name
        file.unlink(missing_ok=True)
        if not rows:
            return None
        with file.open("w", newline="", encoding="utf-8", errors="backslashreplace") as out:
            csv.writer(out, lineterminator="\n").writerows([header, *rows])
        return Artifact.of(file, self.folder)

    def _too_bad(self, name: str, wrong: int, total: int, kinds: Counter[str]) -> str:
        top = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
        return (
            f"delivery {name}: {wrong} of {total} samples are bad ({top}), allowed are"
            f" {self.request.max_bad_share:.1%}; the list is {self.folder / 'bad.csv'}; mend or remove them,"
            " or raise ingest.max_bad_share"
        )

    def _tell(self, output: Output) -> None:
        new = f"{output.samples_new} new samples in {output.deliveries_new} new deliveries"
        bad = sum(output.quarantined.values())
        extra = [
            f"{output.duplicates} duplicates dropped" if output.duplicates else "",
            f"{bad} quarantined (see {self.folder / 'bad.csv'})" if bad else "",
            f"{output.labels} labelled in {len(output.classes)} classes",
            f"{output.labels_unknown} labels of unknown samples" if output.labels_unknown else "",
            f"{output.labels_contradictory} contradictory" if output.labels_contradictory else "",
        ]
        self.context.say("; ".join([f"{new}, {output.samples} in all", *filter(None, extra)]))


def _text(name: str) -> str:
    """Text that can be stored: file names may hold bytes that are no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one ingest at a time writes to a recipe's folder; another waits. Locks the folder, leaves no file
    in it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
