"""The samples of deliveries as one stream, in order: what is to be checked, and what is known without a look."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from components.data.check_pool import Batch, CheckPool
from components.data.checked_files import Checked, Stamp, Wanted
from components.data.file_cache import ASKED, Held
from components.data.growing import Growing
from components.data.inbox import Delivery, Inbox, Origin

ENTRIES = 1024  # of the stream that are looked at together


class Sample(NamedTuple):
    """One sample of a delivery, to be checked: a file, or data. source, group: see Item. held: id of the sample
    that the file was when last it was taken."""

    name: str
    label: str = ""
    source: str = ""
    file: Wanted | None = None
    data: bytes = b""
    held: bytes | None = None
    group: str = ""


class Unchanged(NamedTuple):
    """Files of a delivery that are as they were when last taken, in order: paths, and ids of their samples."""

    names: list[str]
    ids: list[bytes]


class Begin(NamedTuple):
    """The samples of a delivery come next. number: of the delivery."""

    delivery: Delivery
    number: int


class End(NamedTuple):
    """A delivery's samples have all come. digest: of its content, where that was known beforehand. broken: why the file
    itself cannot be read, or ""."""

    digest: str = ""
    broken: str = ""


Event = Begin | Sample | Unchanged | End


def samples(
    deliveries: Sequence[Delivery], inbox: Inbox, growing: Growing, passed: Callable[[str, str], None]
) -> Iterator[Event]:
    """Every sample of every delivery, between its Begin and its End.

    passed: called with name and digest of what is read as a whole and was taken before; nothing of it comes.
    """
    for number, delivery in enumerate(deliveries):
        if delivery.kind == "files":
            yield Begin(delivery, number)
            yield from _of_files(delivery, inbox, growing)
            yield End()
        elif growing.has(name := plain(delivery.name), digest := _known_by(delivery, inbox)):
            passed(name, digest)
        else:
            yield Begin(delivery, number)
            try:
                for item in inbox.items(delivery, 0):
                    yield Sample(item.name, item.label, item.source, data=item.data, group=item.group)
            except ValueError as error:  # the file itself is broken
                yield End(digest, str(error))
            else:
                yield End(digest)


def checked(stream: Iterator[Event], pool: CheckPool) -> Iterator[tuple[Event, Checked | None]]:
    """The same, each sample with what came of its check; several batches at a time."""
    waiting: list[list[Event]] = []

    def batches() -> Iterator[Batch]:
        for chunk in _chunks(stream, pool):
            waiting.append(chunk)
            yield _batch(chunk)

    for outcome in pool.map(batches()):
        results = iter(outcome)
        for one in waiting.pop(0):
            yield one, next(results) if isinstance(one, Sample) else None


def _chunks(stream: Iterator[Event], pool: CheckPool) -> Iterator[list[Event]]:
    """Some entries of the stream at a time, files and samples of tables apart."""
    chunk: list[Event] = []
    kind, wanted, size = None, 0, 0
    for one in stream:
        if isinstance(one, Sample):
            if wanted and (kind != (one.file is None) or wanted >= pool.together):
                yield chunk
                chunk, wanted, size = [], 0, 0
            kind, wanted = one.file is None, wanted + 1
        chunk.append(one)
        size += len(one.names) if isinstance(one, Unchanged) else 1
        if size >= ENTRIES:
            yield chunk
            chunk, wanted, size = [], 0, 0
    if chunk:
        yield chunk


def _batch(chunk: list[Event]) -> Batch:
    wanted = [one for one in chunk if isinstance(one, Sample)]
    if wanted and wanted[0].file is None:
        return [one.data for one in wanted]
    return [one.file for one in wanted if one.file is not None]


def _of_files(delivery: Delivery, inbox: Inbox, growing: Growing) -> Iterator[Sample | Unchanged]:
    """A file that has not changed since it was taken is not read."""
    folder, origins, suspect = str(inbox.folder), delivery.origins, delivery.suspect
    nothing = Origin()
    for start in range(0, len(delivery.files), ASKED):
        same = Unchanged([], [])
        paths = delivery.files[start : start + ASKED]
        names = paths if all(map(str.isascii, paths)) else [plain(path) for path in paths]
        held = growing.files.held(names)
        for path, name in zip(paths, names, strict=True):
            linked = path in suspect
            reason = inbox.refuse(path) if linked else None
            before = held.get(name)
            if (
                before is not None
                and reason is None
                and before.id in growing.known
                and _is(before, f"{folder}/{path}", linked)
            ):
                same.names.append(path)
                same.ids.append(before.id)
                continue
            if same.names:
                yield same
                same = Unchanged([], [])
            source, group = origins.get(path, nothing) if origins else nothing
            wanted = Wanted(path, reason, linked)
            yield Sample(path, "", source, wanted, held=before.id if before else None, group=group)
        if same.names:
            yield same


def _is(before: Held, file: str, linked: bool) -> bool:
    """Whether a file is as it was."""
    try:
        return before.unchanged(Stamp.of(os.stat(file, follow_symlinks=linked)))
    except OSError:
        return False


def _known_by(delivery: Delivery, inbox: Inbox) -> str:
    """By which a delivery that is read as a whole is known: the content of a file; of several their sizes and times, so
    that they need not be read."""
    if delivery.kind != "joined":
        return file_digest(inbox, delivery.name)
    total = DeliveryDigest(delivery.name)
    for path in delivery.files:
        try:
            found = os.stat(inbox.folder / path)
            total.add(path, f"{found.st_size} {found.st_mtime_ns}".encode())
        except OSError as error:
            total.add(path, str(error.errno).encode())
    return total.hexdigest()


def file_digest(inbox: Inbox, path: str) -> str:
    """The digest of a delivery that is one file, whatever its times."""
    total = DeliveryDigest(path)
    try:
        with (inbox.folder / path).open("rb") as stream:
            total.add(path, hashlib.file_digest(stream, "sha256").digest())
    except OSError as error:
        total.add(path, str(error.errno).encode())
    return total.hexdigest()


class DeliveryDigest:
    """Sha256 (hex) of a delivery's names and bytes, whatever its files' times."""

    def __init__(self, name: str) -> None:
        self._total = hashlib.sha256(f"{name}\0".encode(errors="surrogateescape"))

    def add(self, path: str, content: bytes) -> None:
        """content: see Checked."""
        self._total.update(f"{path}\0".encode(errors="surrogateescape") + content)

    def add_all(self, paths: Sequence[str], contents: Sequence[bytes]) -> None:
        """The same of several files, in order."""
        for path, content in zip(paths, contents, strict=True):
            self.add(path, content)

    def hexdigest(self) -> str:
        return self._total.hexdigest()


def plain(name: str) -> str:
    """Text that can be stored: file names may hold bytes that are no UTF-8."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()
