"""Keeps what was served: samples in the recipe's inbox, so that they are next week's unlabelled data, and predictions.

A thread appends each answered request to a file (spool), which is on the disk within a second; from time to time, and
at the end, the spool becomes a file in the inbox, and one of predictions. A spool that a kill left behind is taken up
by the next server. What lies in the inbox is bounded: the oldest files that ingest has taken go first; where it has
taken none, new samples are left out, and counted.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import queue
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from components.config import Config
from components.data.shards import Index
from components.errors import UserError
from components.files import fsync, write_atomically
from pipelines.serving import frames, inbox_file

PREFIX = "served-"  # of a file in the inbox
SEAL_BYTES, SEAL_SECONDS = 16 << 20, 3600.0  # of a spool, after which it becomes a file in the inbox
SYNC_SECONDS = 1.0
PENDING = 2000  # requests that wait for the thread
LOOK_SECONDS = 5.0  # between looks for room
KNOWN = 200_000  # ids of samples that are not stored again
LEFT_OUT = ("embedding",)  # columns of predictions: features are computed again where they are wanted
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """One answered request. predictions: JSON of its rows."""

    samples: list[bytes]
    predictions: bytes
    version: str
    data_version: str


@dataclass
class Store:
    """See the module.

    Args:
        inbox: of the recipe. data: the recipe's folder of shards. folder: for spool and predictions.
        modality: of the recipe. most: bytes of served samples in the inbox, and as many of predictions.
        count: called with "stored", "known" or "dropped", and how many samples.
    """

    inbox: Path
    data: Path
    folder: Path
    modality: Config
    most: int
    count: Callable[[str, int], None] = lambda how, samples: None
    seal_bytes: int = SEAL_BYTES
    seal_seconds: float = SEAL_SECONDS
    _queue: "queue.Queue[Served | None]" = field(default_factory=lambda: queue.Queue(PENDING))
    _known: "OrderedDict[str, None]" = field(default_factory=OrderedDict)
    _full: bool = False
    _held: int = 0  # bytes of served samples in the inbox
    _again: float = 0.0  # when room is looked for next

    def open(self) -> None:
        """Take up what a server before has left, and begin.

        Raises:
            UserError: another server stores for the same recipe, or the inbox cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "predictions").mkdir(exist_ok=True)
        self._lock = (self.folder / "store.lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                "store-taken", f"another server stores in {self.folder}: start this one without --store"
            ) from None
        try:
            self.inbox.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                "inbox-not-writable", f"inbox {self.inbox}: {error.strerror}; --store needs it"
            ) from None
        if not os.access(self.inbox, os.W_OK):
            raise UserError("inbox-not-writable", f"inbox {self.inbox} cannot be written; --store needs it")
        self._seal()
        self._spool, self._began = self._file.open("ab", buffering=0), monotonic()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    @property
    def _file(self) -> Path:
        return self.folder / "spool"

    def put(self, served: Served) -> None:
        """Hand over an answered request; where the thread is behind, it is left out and counted."""
        try:
            self._queue.put_nowait(served)
        except queue.Full:
            self.count("dropped", len(served.samples))

    def close(self) -> None:
        """Write what waits, and bring it into the inbox."""
        self._queue.put(None)
        self._thread.join()
        self._spool.close()
        self._lock.close()

    def _run(self) -> None:
        synced = monotonic()
        while True:
            try:
                served = self._queue.get(timeout=SYNC_SECONDS)
            except queue.Empty:
                served = Served([], b"[]", "", "")
            try:
                if served is not None and served.samples:
                    self._append(served)
                if monotonic() - synced > SYNC_SECONDS or served is None:
                    os.fsync(self._spool.fileno())
                    synced = monotonic()
                old = monotonic() - self._began > self.seal_seconds
                if served is None or self._spool.tell() > self.seal_bytes or (old and self._spool.tell()):
                    self._turn()
            except Exception:  # a full disk, an inbox that became read-only: serving goes on
                log.exception("served samples could not be stored")
                self.count("dropped", len(served.samples) if served else 0)
            if served is None:
                return

    def _append(self, served: Served) -> None:
        rows = json.loads(served.predictions)
        for data, row in zip(served.samples, rows, strict=True):
            id = hashlib.sha256(data).hexdigest()
            if id in self._known:
                self._known.move_to_end(id)
                self.count("known", 1)
                continue
            if not self._room(len(data)):
                self.count("dropped", 1)
                continue
            self._known[id] = None
            if len(self._known) > KNOWN:
                self._known.popitem(last=False)
            told = {name: value for name, value in row.items() if name not in LEFT_OUT}
            head = {"id": id, "time": _now(), "version": served.version, "data_version": served.data_version}
            self._write(frames.encode({**head, "prediction": told}, [data]))
            self.count("stored", 1)

    def _write(self, record: bytes) -> None:
        """Append a record; a full disk leaves no part of it."""
        at = self._spool.tell()
        try:
            written = self._spool.write(record)
        except OSError:
            written = None
        if written != len(record):
            self._spool.truncate(at)
            raise OSError(errno.ENOSPC, "served samples could not be written", str(self._file))

    def _room(self, size: int) -> bool:
        """Whether so many bytes more may be stored; makes room where that can be done."""
        total = self._held + self._spool.tell() + size
        if total > self.most and monotonic() >= self._again:
            self._again = monotonic() + LOOK_SECONDS
            self._held = self._freed(total - self.most)
            total = self._held + self._spool.tell() + size
        if total > self.most and not self._full:
            log.warning(
                "inbox %s holds all the served samples that it may: run the recipe's ingest", self.inbox
            )
        self._full = total > self.most
        return not self._full

    def _freed(self, needed: int) -> int:
        """Delete the oldest files that ingest has taken until so many bytes are free; what the others hold."""
        held, freed = _sizes(self.inbox), 0
        taken = {one.name for one in Index.load(self.data).deliveries}
        for file in [file for file in held if file.name in taken]:
            if freed >= needed:
                break
            file.unlink(missing_ok=True)
            freed += held.pop(file)
        return sum(held.values())

    def _turn(self) -> None:
        """The spool becomes a file in the inbox, and a new one begins."""
        self._spool.close()
        try:
            self._seal()
        finally:
            self._spool, self._began = self._file.open("ab", buffering=0), monotonic()

    def _seal(self) -> None:
        """Bring the spool into the inbox. Where it is killed on the way, the next one writes the same file again."""
        sealed = self.folder / "sealed"
        if not sealed.exists() and self._file.exists():
            self._file.rename(sealed)
        if not sealed.exists():
            self._held = sum(_sizes(self.inbox).values())
            return
        found = list(read_spool(sealed))
        if found:
            stem = f"{PREFIX}{found[0][0]['time'].replace(':', '')[:17]}-{found[0][0]['id'][:8]}"
            samples = [(f"{PREFIX}{told['id'][:16]}", data) for told, data in found]
            inbox_file.write(self.inbox, stem, samples, self.modality)
            self._predictions(stem, [told for told, _ in found])
        self._held = sum(_sizes(self.inbox).values())
        sealed.unlink()
        fsync(self.folder)

    def _predictions(self, stem: str, told: list[dict[str, Any]]) -> None:
        """In the shape of the stage score: id, name, delivery, and the columns of the task."""
        import pyarrow as pa  # 0.2 s that a server without a store need not wait for
        import pyarrow.parquet as pq

        delivery = f"{stem}{inbox_file.FORMS[str(getattr(self.modality, 'name', ''))].suffix}"
        rows = [
            {
                "id": one["id"], "name": f"{PREFIX}{one['id'][:16]}", "delivery": delivery, "time": one["time"],
                "version": one["version"], "data_version": one["data_version"], **one["prediction"],
            }
            for one in told
        ]  # fmt: skip
        table = pa.Table.from_pylist(rows)
        file = self.folder / "predictions" / f"{stem}.parquet"
        write_atomically(file, lambda out: pq.write_table(table, out, compression="zstd"))
        held = _sizes(file.parent)
        for old, size in list(held.items())[:-1]:
            if sum(held.values()) <= self.most:
                break
            old.unlink(missing_ok=True)
            held[old] = 0
            log.info("%s: %s bytes of old predictions deleted", old, size)


def read_spool(file: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """What was stored about each sample, and its bytes; a last one that a kill cut short is left out."""
    held = bytearray(file.read_bytes())  # a spool is bounded
    with contextlib.suppress(ValueError, struct.error):
        while (message := frames.decode(held)) is not None:
            yield message[0], message[1][0]


def _sizes(folder: Path) -> dict[Path, int]:
    """The served files in a folder, oldest first, with their bytes."""
    files = sorted(folder.glob(f"{PREFIX}*"), key=lambda file: file.name)
    return {file: file.stat().st_size for file in files}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
