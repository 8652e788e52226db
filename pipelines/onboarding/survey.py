"""A look at somebody's images before anything is made of them: how many, how large, what is bad, what labels.

Reads as ingest will, and writes nothing but the inbox of its own that a file among other things needs.
"""

import itertools
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from components.errors import UserError
from pipelines.onboarding.label_survey import Labels, Surveyed, survey_labels

if TYPE_CHECKING:
    from PIL.Image import Image

    from components.data.inbox import Inbox, Item, Listing
    from components.modalities.image.config import ImageLimits
    from components.modalities.image.file import Picture

    Sample = tuple[str, str, Item | None]

LOOK = 5000  # samples that are opened, evenly over all
GREY_TOLERANCE = 8  # of 255, between channels: what JPEG adds to a grey picture


@dataclass
class Found:
    """What a look at the inbox gave. left_out: what is no sample, lines for a person. links: folders outside to which
    links in it lead. sizes: (width, height) of the good ones looked at. deep: lowest and highest value of each grey one
    of more than 8 bits. colour: RGB of the only colour there is; None where there are several. bad: reason -> count;
    example: reason -> a name."""

    samples: int = 0
    looked: int = 0
    grey: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list)
    deep: list[tuple[float, float]] = field(default_factory=list)
    colour: tuple[int, ...] | None = None
    bad: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    labels: Labels = field(default_factory=Labels)
    left_out: list[str] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)

    @property
    def side(self) -> int:
        return int(median(min(size) for size in self.sizes))

    @property
    def range(self) -> tuple[float, float] | None:
        """The values of images of more than 8 bits that become black and white; None where there are none."""
        from components.modalities.image.pack import common_range

        if not self.deep:
            return None
        low, high = (float(f"{end:.6g}") for end in common_range(self.deep))
        return low, high

    @property
    def bad_share(self) -> float:
        return self.bad.total() / max(1, self.looked)


def look(inbox: Path, own: Iterable[Path] = ()) -> Found:
    """Open up to LOOK samples of an inbox, evenly spread; count all samples and all labels. own: folders that are no
    part of it.

    Raises:
        UserError: nothing there that is, or can be read as, an image.
    """
    from components.data.inbox import Inbox
    from components.data.walk import link_targets
    from components.modalities.image.config import ImageLimits
    from components.modalities.image.read import ImageReader

    own = tuple(own)
    found, limits = Found(links=link_targets(inbox.resolve(), own)), ImageLimits()
    box = Inbox(inbox, ImageReader(limits), settle=0, now=0, own=own, links=found.links)
    listing = box.list()
    found.left_out = list(listing.left_out())
    found.bad.update(Counter(reason.split(":")[0] for reason in listing.broken.values()))
    found.example.update({reason.split(":")[0]: path for path, reason in listing.broken.items()})
    total = sum(map(box.count, listing.deliveries))
    samples: list[tuple[str, str, str]] = []
    for chunk in _chunks(_samples(box, listing, limits.max_bytes, every=-(-total // LOOK)), 256):
        samples += [(f"#{len(samples) + k}", name, label) for k, (name, label, _) in enumerate(chunk)]
        _open([item for _, _, item in chunk if item is not None], limits, found)
    found.samples = total
    if not found.sizes:
        why = ", ".join(
            f"{count} {reason} (e.g. {found.example[reason]})" for reason, count in found.bad.most_common(3)
        ) or "; ".join(["no image files or tables", *found.left_out])
        raise UserError(
            f"nothing readable in {inbox}: {why}; give a folder of images, or a table with a column path"
        )
    if found.colour is not None and len(found.sizes) > 1:
        raise UserError(
            f"all {len(found.sizes)} samples looked at in {inbox} are the same single colour {found.colour}: nothing "
            "can be learnt from that; give a folder of images that differ"
        )
    paths = {path for d in listing.deliveries if d.kind == "files" for path in d.files}
    found.labels = survey_labels(box, listing, Surveyed(samples, paths))
    return found


def _open(items: "list[Item]", limits: "ImageLimits", found: Found) -> None:
    from components.data.reader import kind_of
    from components.modalities.image.check import examine

    undecided = not found.sizes or found.colour is not None
    good = [item.data for item in items if item.reason is None]
    results = iter(examine(good, limits, lambda image, seen: _look_at(image, seen, undecided)))
    for item in items:
        found.looked += 1
        one = None if item.reason is not None else next(results)
        reason = item.reason if one is None else one.reason
        if one is None or one.seen is None:
            found.bad[kind_of(str(reason))] += 1
            found.example.setdefault(kind_of(str(reason)), item.name)
            continue
        size, grey, only, ends = one.seen
        found.colour = only if not found.sizes or only == found.colour else None
        found.sizes.append(size)
        found.grey += grey
        if ends is not None:
            found.deep.append(ends)


def _look_at(
    image: "Image", seen: "Picture", colour: bool
) -> tuple[tuple[int, int], bool, tuple[int, ...] | None, tuple[float, float] | None]:
    """Size, whether it is grey, its only colour where it has but one and `colour` asks for it, and the ends of its
    values where they have more than 8 bits."""
    from components.modalities.image.file import ends

    deep = seen.limits is not None
    only = _only_colour(image) if colour and not deep else None
    return image.size, _is_grey(image), only, ends(seen.values()) if deep else None


def _only_colour(image: "Image") -> tuple[int, ...] | None:
    """RGB of a decoded image of one single colour, else None."""
    low, high = zip(*image.convert("RGB").getextrema(), strict=True)
    return low if low == high else None


def _is_grey(image: "Image") -> bool:
    if image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I"):
        return True
    small = image.convert("RGB").resize((32, 32))
    red, green, blue = (channel.tobytes() for channel in small.split())
    return all(max(c) - min(c) <= GREY_TOLERANCE for c in zip(red, green, blue, strict=True))


def inbox_of(file: Path, own: Path) -> tuple[Path, Path | None]:
    """The folder to read for a single file: that where it lies alone, else `own`, filled with links; and the table to
    follow, where it is not in that folder."""
    from components.data.inbox import Inbox
    from components.data.linked_table import link_table, path_column
    from components.data.tables import read_rows
    from components.modalities.image.config import ImageLimits
    from components.modalities.image.read import ImageReader

    try:
        column = path_column(file)
        paths = [row[column] for row in read_rows(file)] if column else []
    except ValueError as error:
        raise UserError(f"{file} is no data that can be read: {error}") from None
    if not any(p.startswith("/") or ".." in Path(p).parts for p in paths):
        there = Inbox(file.parent, ImageReader(ImageLimits()), settle=0, now=0).list()
        if {d.name for d in there.deliveries} == {file.name}:
            return file.parent, None
    if own.exists():
        shutil.rmtree(own)  # of an init that came to nothing: no recipe names it
    link_table(file, own)
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
            raise UserError(f"{box.folder / delivery.name}: {error}; mend it or take it away") from None


def _chunks(samples: "Iterator[Sample]", size: int) -> "Iterator[list[Sample]]":
    while chunk := list(itertools.islice(samples, size)):
        yield chunk
