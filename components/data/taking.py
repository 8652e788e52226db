"""One delivery on its way into the shards: nothing of it counts until it is finished, all of it can be taken back."""

from collections import Counter
from collections.abc import Collection

from components.data import labels
from components.data.checked_files import Checked, Stamp
from components.data.delivery_samples import DeliveryDigest, Sample, Unchanged, plain
from components.data.growing import Bad, Growing
from components.data.inbox import Delivery, Inbox, Listing
from components.data.reader import kind_of
from components.data.replaced import Replacement
from components.data.shards import DUPLICATE
from components.data.shards import Delivery as Record

PUT = 4096  # files that the cache is given at once


class Taking:
    """unlabelled: words that mean no label; None: the delivery's own labels are not wanted.

    Attributes:
    bad: name, reason and first bytes of what no shard takes and no earlier delivery of this name brought.
    total, wrong: samples, and how many of them are bad.
    """

    def __init__(
        self, delivery: Delivery, inbox: Inbox, growing: Growing, listing: Listing,
        unlabelled: Collection[str] | None,
    ) -> None:  # fmt: skip
        self.delivery, self.name = delivery, plain(delivery.name)
        self._inbox, self._growing, self._left = inbox, growing, listing.left
        self._unlabelled = unlabelled
        self.bad: list[Bad] = []
        self.total = self.wrong = 0
        self._digest = DeliveryDigest(delivery.name)
        self._new: list[bytes] = []
        self._labels: list[labels.Row] = []
        self._replaced: list[Replacement] = []
        self._stamps: list[tuple[str, bytes, Stamp | None]] = []
        self._of_files = delivery.kind == "files"
        growing.make_room(len(delivery.files) if self._of_files else growing.shard_size)
        self._before = growing.quarantined(self.name)
        self._rows = set() if self._of_files else growing.rows(self.name)
        growing.writer.begin(self.name)
        growing.files.begin()

    def add(self, sample: Sample, checked: Checked) -> None:
        if self._of_files:
            self._digest.add(sample.name, checked.content)
        if checked.reason is not None and checked.stamp and self._inbox.fresh(checked.stamp.mtime / 1e9):
            self._left[sample.name] = checked.reason
            return
        self.total += 1
        if checked.reason is not None:
            self.wrong += 1
            self._bad(plain(sample.name), plain(checked.reason), checked.data)
        else:
            self._good(sample, checked)

    def add_unchanged(self, files: Unchanged) -> None:
        """Files of which all is known."""
        self._digest.add_all(files.names, files.ids)
        self.total += len(files.names)

    def _good(self, sample: Sample, checked: Checked) -> None:
        id, name, growing, held = checked.content, plain(sample.name), self._growing, sample.held
        there = id in growing
        if self._unlabelled is not None and not self._of_files and (sample.label or there):
            label = "" if sample.label.casefold() in self._unlabelled else plain(sample.label)
            self._labels.append(labels.Row(id.hex(), label, "delivery", origin=self.name))
        if not there:
            self._new.append(id)
            growing.new.add(id)
            data = checked.data or sample.data
            growing.writer.add(id.hex(), data, name, plain(sample.source), plain(sample.group))
        elif held != id and (name, id) not in self._rows:
            self._bad(name, f"{DUPLICATE}: {id.hex()}", b"")
        if held is not None and held != id and held in growing:
            self._replaced.append(Replacement(name, held.hex(), id.hex(), derived=not there))
        if self._of_files and checked.stamp is not None:
            self._stamps.append((name, id, checked.stamp))
            if len(self._stamps) >= PUT:
                self._put()

    def _bad(self, name: str, reason: str, head: bytes) -> None:
        if (name, reason) not in self._before:
            self.bad.append((name, reason, head))

    def _put(self) -> None:
        self._growing.files.put(self._stamps)
        self._stamps.clear()

    def hexdigest(self) -> str:
        """Of what has come so far."""
        return self._digest.hexdigest()

    @property
    def changes(self) -> bool:
        """Whether it brings anything that is not there."""
        return bool(self._new or self._replaced or self.bad)

    def pass_over(self) -> None:
        """It was taken before."""
        self._put()
        self._growing.files.end()

    def abandon(self) -> None:
        """It is not taken."""
        self._growing.writer.abandon()
        self._growing.files.take_back()
        self._growing.new.difference_update(self._new)

    def finish(self, digest: str, listing: Listing) -> None:
        """It is complete; where files of it were left for the next time it is not known yet."""
        self.pass_over()
        if listing.left and any(path in listing.left for path in self.delivery.files):
            digest = ""
            if not self.changes:
                return
        kinds = Counter(kind_of(why) for _, why, _ in self.bad)
        duplicates = kinds.pop(DUPLICATE, 0)
        record = Record(
            digest=digest,
            name=self.name,
            accepted=len(self._new),
            duplicates=duplicates,
            quarantined=dict(sorted(kinds.items())),
            paths=self._of_files and self.name.lower().endswith(".parquet"),
        )
        self._growing.add(record, self.bad, self._replaced, self._labels)
