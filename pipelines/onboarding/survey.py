"""A look at somebody's data before anything is made of them: how many samples, what they are, what is bad, what labels.

Reads as ingest will, and writes nothing but the inbox of its own that a file among other things needs.
"""

import itertools
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.errors import UserError
from pipelines.onboarding.label_survey import Labels, Surveyed, survey_labels

if TYPE_CHECKING:
    from components.data.inbox import Inbox, Item, Listing
    from components.modalities.base import Modality
    from components.modalities.look import Look

    Sample = tuple[str, str, Item | None]

LOOK = 5000  # samples that are opened, evenly over all
TOGETHER = 256


@dataclass
class Found:
    """What a look at the inbox gave. kind: name of the modality; look: what its samples are. left_out: what is no
    sample, lines for a person. links: folders outside to which links in it lead. bad: reason -> count; example:
    reason -> a name."""

    kind: str
    look: "Look"
    samples: int = 0
    looked: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    labels: Labels = field(default_factory=Labels)
    left_out: list[str] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)

    @property
    def bad_share(self) -> float:
        return self.bad.total() / max(1, self.looked)


def survey(
    inbox: Path, modality: "Modality[Any, Any]", own: Iterable[Path] = (), masks: bool = False
) -> Found:
    """Open up to LOOK samples of an inbox, evenly spread; count all samples and all labels. own: folders that are no
    part of it. masks: whether labels are masks.

    Raises:
        UserError: nothing there that is, or can be read as, a sample of this kind.
    """
    from components.data.inbox import Inbox
    from components.data.walk import link_targets

    own = tuple(own)
    found = Found(modality.config.name, modality.look(), links=link_targets(inbox.resolve(), own))
    reader = modality.reader(modality.Limits())
    box = Inbox(inbox, reader, settle=0, now=0, own=own, links=found.links, masks=masks)
    listing = box.list()
    found.left_out = list(listing.left_out())
    found.bad.update(Counter(reason.split(":")[0] for reason in listing.broken.values()))
    found.example.update({reason.split(":")[0]: path for path, reason in listing.broken.items()})
    total = sum(map(box.count, listing.deliveries))
    samples: list[tuple[str, str, str]] = []
    for chunk in _chunks(_samples(box, listing, reader.max_bytes, every=-(-total // LOOK)), TOGETHER):
        samples += [(f"#{len(samples) + k}", name, label) for k, (name, label, _) in enumerate(chunk)]
        _open([item for _, _, item in chunk if item is not None], found)
    found.samples = total
    if not found.look.good:
        why = ", ".join(
            f"{count} {reason} (e.g. {found.example[reason]})" for reason, count in found.bad.most_common(3)
        ) or "; ".join([f"no {reader.noun}", *found.left_out])
        raise UserError("samples-unreadable", f"nothing readable in {inbox}: {why}; give {reader.wanted}")
    if found.look.useless is not None:
        raise UserError(
            "samples-all-alike", f"all {found.look.good} samples looked at in {inbox} {found.look.useless}"
        )
    paths = {path for d in listing.deliveries if d.kind == "files" for path in d.files}
    found.labels = survey_labels(box, listing, Surveyed(samples, paths))
    return found


def _open(items: "list[Item]", found: Found) -> None:
    from components.data.reader import kind_of

    reasons = iter(found.look.add([item.data for item in items if item.reason is None]))
    for item in items:
        found.looked += 1
        reason = item.reason if item.reason is not None else next(reasons)
        if reason is not None:
            found.bad[kind_of(reason)] += 1
            found.example.setdefault(kind_of(reason), item.name)


def inbox_of(file: Path, own: Path, modality: "Modality[Any, Any]") -> tuple[Path, Path | None]:
    """The folder to read for a single file: that where it lies alone, else `own`, filled with links; and the table to
    follow, where it is not in that folder."""
    from components.data.inbox import Inbox
    from components.data.linked_table import link_table, path_column
    from components.data.tables import read_rows

    reader = modality.reader(modality.Limits())
    try:
        column = path_column(file, reader)
        paths = [row[column] for row in read_rows(file)] if column else []
    except ValueError as error:
        raise UserError("samples-unreadable", f"{file} is no data that can be read: {error}") from None
    if not any(p.startswith("/") or ".." in Path(p).parts for p in paths):
        there = Inbox(file.parent, reader, settle=0, now=0).list()
        if {d.name for d in there.deliveries} == {file.name}:
            return file.parent, None
    if own.exists():
        shutil.rmtree(own)  # of an init that came to nothing: no recipe names it
    link_table(file, own, reader)
    return own, file


def _samples(box: "Inbox", listing: "Listing", max_bytes: int, every: int) -> "Iterator[Sample]":
    """(name, label, item) of each sample, the item of every `every`-th alone: a file that is not looked at is not
    read."""
    number = itertools.count()
    for delivery in listing.deliveries:
        if delivery.kind == "files":
            for path in delivery.files:
                yield path, "", None if next(number) % every else box.item(path, max_bytes)
            continue
        try:
            for item in box.items(delivery, max_bytes):
                yield item.name, item.label, None if next(number) % every else item
        except ValueError as error:
            raise UserError(
                "delivery-invalid", f"{box.folder / delivery.name}: {error}; mend it or take it away"
            ) from None


def _chunks(samples: "Iterator[Sample]", size: int) -> "Iterator[list[Sample]]":
    while chunk := list(itertools.islice(samples, size)):
        yield chunk
