"""Deliveries taken one by one: each is checked sample by sample, and counts as a whole or not at all."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path

from components.crash import point
from components.data import labels
from components.data.checks import ImageLimits, check_images, kind_of
from components.data.growing import Growing
from components.data.inbox import Delivery, Inbox, Item, Listing
from components.data.label_files import must_be_corrected
from components.data.shards import DUPLICATE, KEPT_BYTES
from components.data.shards import Delivery as Record

CHUNK = 256  # samples checked at a time


class Intake:
    """From an inbox into a growing folder.

    Args:
        max_bad_share: of a delivery; one with more is a mistake and is not taken.
        unlabelled: words that mean no label; None: a delivery's own labels are not wanted.
        listed: where the caller will list what is bad, for the message.
        say: one line for a person.

    Attributes:
        known: name and digest of each delivery that was passed over. bad: delivery, name, reason of what is in a
        delivery that was not taken. mistakes: what a person has to mend, a line each.
    """

    def __init__(
        self, inbox: Inbox, growing: Growing, limits: ImageLimits, *,
        max_bad_share: float, unlabelled: Collection[str] | None, listed: Path, say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.inbox, self.growing, self.limits = inbox, growing, limits
        self.max_bad_share, self.unlabelled, self.listed, self.say = max_bad_share, unlabelled, listed, say
        self.known: list[tuple[str, str]] = []
        self.bad: list[tuple[str, str, str]] = []
        self.mistakes: list[str] = []

    def take(self, delivery: Delivery, listing: Listing) -> None:
        """One delivery, whole or not at all; what is not finished is added to listing.left."""
        digest, name = self.inbox.content_digest(delivery), plain(delivery.name)
        if self.growing.has(name, digest):
            self.known.append((name, digest))
            return
        writer, known = self.growing.writer(name), self.growing.known
        before = self.growing.quarantined(name)
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
                place, head = (name, plain(item.name)), item.data[:KEPT_BYTES]
                if reason is None:
                    id = hashlib.sha256(item.data).hexdigest()
                    if self.unlabelled is not None and (item.label or id in known):
                        label = "" if item.label.casefold() in self.unlabelled else plain(item.label)
                        found.append(labels.Row(id, label, "delivery", origin=name))
                    if id in new or known.get(id, place) != place:
                        reason, head = f"{DUPLICATE}: {id}", b""
                    elif id not in known:
                        new[id] = place
                        writer.add(id, item.data, place[1], plain(item.source))
                if reason is not None and (place[1], plain(reason)) not in before:
                    bad.append((place[1], plain(reason), head))
        except ValueError as error:  # the file itself is broken
            writer.abandon()
            self.refuse(delivery.name, str(error))
            return
        kinds = Counter(kind_of(why) for _, why, _ in bad)
        duplicates = kinds.pop(DUPLICATE, 0)
        if wrong > self.max_bad_share * total:
            writer.abandon()
            self.bad += [(name, who, why) for who, why, _ in bad if kind_of(why) != DUPLICATE]
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
            quarantine=self.growing.quarantine(name, bad),
        )
        self.growing.commit(record, shards, found)
        point("ingest.indexed")
        known |= new

    def refuse(self, path: str, reason: str) -> None:
        """A whole file that cannot be read: quarantined once, as one; a file of labels or a table that a person
        wrote is its author's to mend.
        """
        if must_be_corrected(path, reason):
            self.mistakes.append(f"{path} in {self.inbox.folder}: {reason}; mend it or take it away")
            return
        name, digest = plain(path), self.inbox.content_digest(Delivery(path, "files", [path]))
        if self.growing.has(name, digest):
            self.known.append((name, digest))
            return
        with (self.inbox.folder / path).open("rb") as stream:
            head = stream.read(KEPT_BYTES)
        kinds, file = {kind_of(reason): 1}, self.growing.quarantine(name, [(name, plain(reason), head)])
        entry = Record(digest=digest, name=name, accepted=0, duplicates=0, quarantined=kinds, quarantine=file)
        self.growing.commit(entry, [])
        self.say(f"{path}: quarantined as a whole, {reason}")

    def _checked(self, delivery: Delivery) -> Iterator[tuple[Item, str | None]]:
        items = self.inbox.items(delivery, self.limits.max_bytes)
        while chunk := list(islice(items, CHUNK)):
            reasons = iter(check_images([i.data for i in chunk if i.reason is None], self.limits))
            for item in chunk:
                yield item, item.reason if item.reason is not None else next(reasons)

    def _too_bad(self, name: str, wrong: int, total: int, kinds: Counter[str]) -> str:
        top = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
        return (
            f"delivery {name}: {wrong} of {total} samples are bad ({top}), allowed are"
            f" {self.max_bad_share:.1%}; the list is {self.listed}; mend or remove them,"
            " or raise ingest.max_bad_share"
        )


def plain(name: str) -> str:
    """Text that can be stored: file names may hold bytes that are no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()
