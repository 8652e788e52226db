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
    reason -> a name; whole: the reason in full, of files. guessed: option of the kind of data -> what was found for it
    that nobody gave."""

    kind: str
    look: "Look"
    samples: int = 0
    looked: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    labels: Labels = field(default_factory=Labels)
    left_out: list[str] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    guessed: dict[str, Any] = field(default_factory=dict)

    @property
    def bad_share(self) -> float:
        return self.bad.total() / max(1, self.looked)


def survey(
    inbox: Path, modality: "Modality[Any, Any]", own: Iterable[Path] = (), masks: bool = False
) -> Found:
    """Open up to LOOK samples of an inbox, evenly spread; count all samples and all labels. What the samples show of
    their kind, such as the column of the label, is taken as given, and they are looked at again. own: folders that are
    no part of it. masks: whether labels are masks.

    Raises:
        UserError: nothing there that is, or can be read as, a sample of this kind; no table has the column of the label
            that is named.
    """
    from components.modalities.registry import build_modality

    own = tuple(own)
    found, box, listing, surveyed = _look(inbox, modality, own, masks)
    guess = found.look.guess(bool(listing.label_files) or any(label for _, _, label in surveyed.samples))
    if guess is not None:
        given = modality.config.model_dump()
        found, box, listing, surveyed = _look(inbox, build_modality(guess), own, masks)
        found.guessed = {name: value for name, value in guess.model_dump().items() if value != given[name]}
    found.labels = survey_labels(box, listing, surveyed)
    return found


def _look(
    inbox: Path, modality: "Modality[Any, Any]", own: tuple[Path, ...], masks: bool
) -> "tuple[Found, Inbox, Listing, Surveyed]":
    """What there is, without the labels."""
    from components.data.inbox import Inbox
    from components.data.walk import link_targets

    found = Found(modality.config.name, modality.look(), links=link_targets(inbox.resolve(), own))
    reader = modality.reader(modality.Limits())
    box = Inbox(inbox, reader, settle=0, now=0, own=own, links=found.links, masks=masks)
    listing = box.list()
    listing.require("modality.target", reader.target)
    found.left_out = list(listing.left_out())
    found.bad.update(Counter(reason.split(":")[0] for reason in listing.broken.values()))
    found.example.update({reason.split(":")[0]: path for path, reason in listing.broken.items()})
    found.whole.update({reason.split(":")[0]: reason for reason in listing.broken.values()})
    found.samples = box.total(listing.deliveries)
    paths = {path for d in listing.deliveries if d.kind == "files" for path in d.files}
    surveyed = Surveyed([], paths, set())
    every = -(-found.samples // LOOK)
    for chunk in _chunks(_samples(box, listing, reader.max_bytes, every), TOGETHER):
        first = len(surveyed.samples)
        ids = [f"#{first + k}" for k in range(len(chunk))]
        surveyed.samples.extend((id, name, label) for id, (name, label, _) in zip(ids, chunk, strict=True))
        opened = {id: item for id, (_, _, item) in zip(ids, chunk, strict=True) if item is not None}
        surveyed.bad.update(_open(opened, found))
    if not found.look.good:
        why = ", ".join(
            f"{count} {found.whole.get(reason, reason)} (e.g. {found.example[reason]})"
            for reason, count in found.bad.most_common(3)
        ) or "; ".join([f"no {reader.noun}", *found.left_out])
        raise UserError("samples-unreadable", f"nothing readable in {inbox}: {why}; give {reader.wanted}")
    if found.look.useless is not None:
        raise UserError(
            "samples-all-alike", f"all {found.look.good} samples looked at in {inbox} {found.look.useless}"
        )
    return found, box, listing, surveyed


def _open(items: "dict[str, Item]", found: Found) -> list[str]:
    """Look at samples, by their ids. Those that are bad."""
    from components.data.reader import kind_of

    reasons = iter(found.look.add([item.data for item in items.values() if item.reason is None]))
    bad = []
    for id, item in items.items():
        found.looked += 1
        reason = item.reason if item.reason is not None else next(reasons)
        if reason is not None:
            bad.append(id)
            found.bad[kind_of(reason)] += 1
            found.example.setdefault(kind_of(reason), item.name)
    return bad


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
            raise box.unreadable(delivery, error) from None


def _chunks(samples: "Iterator[Sample]", size: int) -> "Iterator[list[Sample]]":
    while chunk := list(itertools.islice(samples, size)):
        yield chunk
