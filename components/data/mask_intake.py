"""Masks out of an inbox into the label table: each bound to its image, of the image's size, or refused with a reason.

A mask is a file beside its image (mask_files.py), or text in the column label of a label file (masks.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from components.data.growing import Growing
from components.data.inbox import Inbox
from components.data.labels import Row
from components.data.mask_files import Size, read_mask, stems_of
from components.data.masks import size_of, to_text
from components.data.reader import Reader
from components.data.replaced import read_current
from components.data.sample_names import ingested
from components.data.walk import suffix_of
from components.errors import coded
from components.wording import are, counted


class Taken(NamedTuple):
    """rows: what the masks say. refused: path of a mask, or label file and image -> why it says nothing."""

    rows: list[Row]
    refused: dict[str, str]


class Bound(NamedTuple):
    """image: path of a mask -> id and name of its image. refused: path -> why it has none."""

    image: dict[str, tuple[str, str]]
    refused: dict[str, str]


def take_masks(inbox: Inbox, growing: Growing, paths: Sequence[str], written: Sequence[Row]) -> Taken:
    """What mask files and label files say.

    Args:
        paths: of the mask files. written: what label files say of samples, as text.
    """
    bound = bind(paths, ingested(growing.folder, growing.index))
    names = {id: name for name, id in ingested(growing.folder, growing.index)} if written else {}
    images = dict(bound.image.values()) | {row.id: names.get(row.id, "") for row in written if row.label}
    sizes = sizes_of(images, inbox, growing)
    rows, refused = read_all(bound, sizes, inbox.folder)
    for row in written:
        if row.label and (reason := _wrong(row.label, sizes.get(row.id))):
            refused[f"{row.origin}: {images[row.id] or row.id}"] = reason
        else:
            rows.append(row)
    return Taken(rows, refused)


def bind(paths: Iterable[str], named: Iterable[tuple[str, str]]) -> Bound:
    """The image of each mask. named: (name, id) of the samples that there are."""
    stems = {path: stems_of(path) for path in paths}
    wanted = {stem for of in stems.values() for stem in of}
    found: dict[str, dict[str, str]] = {}
    for name, id in named if wanted else ():
        if (stem := PurePosixPath(name).with_suffix("").as_posix()) in wanted:
            found.setdefault(stem, {})[id] = name
    bound = Bound({}, {})
    for path, keys in stems.items():
        own = {id: name for key in keys for id, name in found.get(key, {}).items()}
        if len(own) == 1:
            bound.image[path] = next(iter(own.items()))
        else:
            several = f"{len(own)} images are called so: {', '.join(sorted(own.values()))}"
            bound.refused[path] = (
                several if own else f"a mask without an image: no sample is called {keys[0]}.*"
            )
    return bound


def read_all(bound: Bound, sizes: Mapping[str, Size], folder: Path) -> Taken:
    """The masks that have an image. sizes: id -> height and width of it. folder: of the inbox."""
    taken = Taken([], dict(bound.refused))
    for path, (id, _) in bound.image.items():
        try:
            taken.rows.append(Row(id, to_text(read_mask(folder / path, sizes.get(id))), origin=path))
        except ValueError as error:
            taken.refused[path] = str(error)
    return taken


def sizes_of(images: Mapping[str, str], inbox: Inbox, growing: Growing) -> dict[str, Size]:
    """Id -> height and width of its image: from the header of its file where that lies in the inbox, else from the
    shards, which are then all read. images: id -> name."""
    sizes = sizes_of_files(images, inbox)
    if others := images.keys() - sizes.keys():
        for _, batch in read_current(growing.folder, growing.index, ["id", "bytes"]):
            for id, data in zip(batch["id"], batch["bytes"], strict=True):
                if id in others and (size := inbox.reader.size(data)) is not None:
                    sizes[id] = size
    return sizes


def sizes_of_files(images: Mapping[str, str], inbox: Inbox) -> dict[str, Size]:
    """The same of those images whose files lie in the inbox."""
    found = {id: _size_of_file(inbox.folder / name, inbox.reader) for id, name in images.items() if name}
    return {id: size for id, size in found.items() if size is not None}


def told(refused: Mapping[str, str], masks: int, share: float) -> tuple[list[str], list[str]]:
    """(mistakes, alerts) for a person. masks: how many there are. share: of them, from which on it is a mistake."""
    if not refused:
        return [], []
    path, reason = next(iter(sorted(refused.items())))
    said = f"{len(refused)} of {counted(masks, 'mask')} {are(len(refused))} refused, e.g. {path}: {reason}"
    if share < 1 and len(refused) >= share * masks:
        return [f"{said}; correct them, or raise ingest.max_unknown_share ({share:g})"], []
    text = f"{said}; all are listed in labels-unknown.csv, and their images count as unlabelled"
    return [], [coded("masks-refused", text)]


def _wrong(text: str, size: Size | None) -> str:
    """Why the text of a mask is none of its image, as far as its beginning tells."""
    try:
        own = size_of(text)
    except ValueError as error:
        return str(error)
    if size is None or own == size:
        return ""
    return f"a mask of {own[1]} x {own[0]} pixels, and its image has {size[1]} x {size[0]}"


def _size_of_file(file: Path, reader: Reader) -> Size | None:
    if suffix_of(file.name) not in reader.suffixes or not file.is_file():
        return None
    return reader.size(file.read_bytes())
