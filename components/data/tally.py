"""What an ingest brought, counted from the index: as it was when the ingest first began, and as it is now.

An attempt that was killed has put deliveries into the index that the next one finds known. So what an attempt
takes is not counted; the difference is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from components.config import Config
from components.data.reader import kind_of
from components.data.shards import DUPLICATE, Index, read_quarantine
from components.files import write_atomically


class Since(Config):
    """How many deliveries, rows of labels and replaced files the index held."""

    deliveries: int
    labels: int
    replaced: int = 0

    @classmethod
    def of(cls, index: Index) -> "Since":
        return cls(
            deliveries=len(index.deliveries),
            labels=sum(file.rows for file in index.labels),
            replaced=sum(file.rows for file in index.replaced),
        )


def first_seen(file: Path, index: Index) -> Since:
    """The index as the first attempt found it, which wrote it down in `file`."""
    if not file.exists():
        found = Since.of(index).model_dump_json().encode()
        write_atomically(file, lambda stream: stream.write(found))
    return Since.model_validate_json(file.read_bytes())


def counts(index: Index, since: Since, passed_over: Iterable[tuple[str, str]]) -> dict[str, int]:
    """deliveries_new, deliveries_known, samples_new, duplicates, labels_new, replaced.

    passed_over: name and digest of the deliveries in the inbox that were in the index already.
    """
    came = index.deliveries[since.deliveries :]
    before = {(record.name, record.digest) for record in index.deliveries[: since.deliveries]}
    return {
        "deliveries_new": len(came),
        "deliveries_known": sum(place in before for place in passed_over),
        "samples_new": sum(record.accepted for record in came),
        "duplicates": sum(record.duplicates for record in came),
        "labels_new": Since.of(index).labels - since.labels,
        "replaced": Since.of(index).replaced - since.replaced,
    }


def quarantined(index: Index, since: Since) -> dict[str, int]:
    """Kind of reason -> samples, duplicates apart."""
    found: Counter[str] = Counter()
    for record in index.deliveries[since.deliveries :]:
        found += Counter(record.quarantined)
    return dict(sorted(found.items()))


def bad(folder: Path, index: Index, since: Since) -> Iterator[tuple[str, str, str]]:
    """(delivery, name, reason) of each sample in quarantine, duplicates apart."""
    for delivery, name, reason in read_quarantine(folder, index.deliveries[since.deliveries :]):
        if kind_of(reason) != DUPLICATE:
            yield delivery, name, reason
