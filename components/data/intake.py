"""Deliveries taken one by one: each is checked sample by sample, and counts as a whole or not at all."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from components.data.check_pool import CheckPool
from components.data.checked_files import KEPT_BYTES
from components.data.delivery_samples import (
    Begin,
    End,
    Sample,
    Unchanged,
    checked,
    file_digest,
    plain,
    samples,
)
from components.data.growing import Growing
from components.data.inbox import Inbox, Listing
from components.data.label_files import must_be_corrected
from components.data.reader import kind_of
from components.data.shards import DUPLICATE
from components.data.shards import Delivery as Record
from components.data.taking import Taking
from components.errors import coded


@dataclass(frozen=True)
class Allowed:
    """What a delivery may be without being refused. bad_share: of its samples; bad: in number; one with more of both is
    a mistake."""

    bad_share: float
    bad: int


class Intake:
    """From an inbox into a growing folder.

    Args:
        unlabelled: words that mean no label; None: a delivery's own labels are not wanted.
        listed: where the caller will list what is bad, for the message.
        say: one line for a person. progress: share of the deliveries that are done, and the next one.

    Attributes:
        known: name and digest of each delivery that was passed over. bad: delivery, name, reason of what is in a
        delivery that was not taken. mistakes: what a person has to mend, a line each. alerts: deliveries of which
        a larger share is bad than allowed, taken without it as that is but a few samples, and those of which
        nothing was taken, a line each.
    """

    def __init__(
        self, inbox: Inbox, growing: Growing, allowed: Allowed, *, unlabelled: Collection[str] | None, listed: Path,
        say: Callable[[str], None], progress: Callable[[float, str], None] = lambda done, name: None,
    ) -> None:  # fmt: skip
        self.inbox, self.growing, self.allowed = inbox, growing, allowed
        self.unlabelled, self.listed, self.say, self.progress = unlabelled, listed, say, progress
        self.known: list[tuple[str, str]] = []
        self.bad: list[tuple[str, str, str]] = []
        self.mistakes: list[str] = []
        self.alerts: list[str] = []

    def take(self, listing: Listing) -> None:
        """All deliveries, each whole or not at all; what is not finished is added to listing.left."""
        taking: Taking | None = None
        with CheckPool(self.inbox.folder, self.inbox.reader, self.growing.known) as pool:
            passed = self.known.append
            stream = samples(listing.deliveries, self.inbox, self.growing, lambda *known: passed(known))
            for event, outcome in checked(stream, pool):
                if isinstance(event, Begin):
                    self.progress(event.number / len(listing.deliveries), event.delivery.name)
                    taking = Taking(event.delivery, self.inbox, self.growing, listing, self.unlabelled)
                elif isinstance(event, Sample):
                    assert taking is not None
                    assert outcome is not None
                    taking.add(event, outcome)
                elif isinstance(event, Unchanged):
                    assert taking is not None
                    taking.add_unchanged(event)
                else:
                    assert taking is not None
                    self._end(taking, event, listing)
        for path, reason in listing.broken.items():
            self.refuse(path, reason)
        self.growing.commit()

    def _end(self, taking: Taking, end: End, listing: Listing) -> None:
        digest = end.digest or taking.hexdigest()
        if end.broken:
            taking.abandon()
            if not self.growing.has(taking.name, digest):
                text = f"delivery {taking.name}: nothing of it was taken, {plain(end.broken)}"
                self.alerts.append(coded("samples-quarantined", text))
            self.refuse(taking.delivery.name, end.broken)
        elif self.growing.has(taking.name, digest) and not taking.changes:
            self.known.append((taking.name, digest))
            taking.pass_over()
        elif taking.wrong > max(self.allowed.bad_share * taking.total, self.allowed.bad):
            taking.abandon()
            self.bad += [(taking.name, who, why) for who, why, _ in taking.bad if kind_of(why) != DUPLICATE]
            remedy = "mend or remove them, or raise ingest.max_bad_share"
            self.mistakes.append(f"{self._too_bad(taking)}; the list is {self.listed}; {remedy}")
        else:
            if taking.wrong > self.allowed.bad_share * taking.total and taking.bad:
                text = f"{self._too_bad(taking)}; the others were taken, these are in quarantine"
                self.alerts.append(coded("samples-quarantined", text))
            taking.finish(digest, listing)

    def refuse(self, path: str, reason: str) -> None:
        """A whole file that cannot be read: quarantined once, as one; a file of labels or a table that a person
        wrote is its author's to mend.
        """
        if must_be_corrected(path, reason):
            self.mistakes.append(f"{path} in {self.inbox.folder}: {reason}; mend it or take it away")
            return
        name, digest = plain(path), file_digest(self.inbox, path)
        if self.growing.has(name, digest):
            self.known.append((name, digest))
            return
        try:
            with (self.inbox.folder / path).open("rb") as stream:
                head = stream.read(KEPT_BYTES)
        except OSError:
            head = b""
        record = Record(digest=digest, name=name, accepted=0, duplicates=0, quarantined={kind_of(reason): 1})
        self.growing.add(record, [(name, plain(reason), head)])
        self.say(f"{path}: quarantined as a whole, {reason}")

    def _too_bad(self, taking: Taking) -> str:
        kinds = Counter(kind_of(why) for _, why, _ in taking.bad)
        kinds.pop(DUPLICATE, None)
        top = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
        return (
            f"delivery {taking.delivery.name}: {taking.wrong} of {taking.total} samples are bad ({top}), allowed are"
            f" {self.allowed.bad_share:.1%} or {self.allowed.bad} samples"
        )
