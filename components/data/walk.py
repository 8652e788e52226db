"""Every file of a folder that others write to, in order of name, and what was left out of it.

Left out without a word: hidden and half-copied files. Counted: what systems and programs leave behind (LITTER).
Named: folders that cannot be read. Links are listed, and followed only into the folders that were allowed.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

UNFINISHED = frozenset({".tmp", ".part", ".partial", ".crdownload", ".swp"})
# Lower case. Synology, QNAP, macOS, Windows, Jupyter, and the root of an ext4 disk.
LITTER = frozenset({
    "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", ".@__thumb",
    "__macosx", ".ds_store", ".appledouble", ".spotlight-v100", ".trashes", ".fseventsd",
    "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",
    ".ipynb_checkpoints", "__pycache__", "lost+found",
})  # fmt: skip
BROADEST = 2  # parts of a path above which nobody is allowed to link in general: / and /home are too much


class Entry(NamedTuple):
    """path: relative to the folder. suffix: see suffix_of. kind: "file", "link" (to a file, or to a folder that is not
    followed), "other" (a pipe, a device)."""

    path: str
    suffix: str
    kind: str
    entry: os.DirEntry[str]


class Walk:
    """One pass over a folder.

    Args:
        folder: absolute, without links in it.
        own: folders whose content is left out: ours, wherever they lie.
        links: folders outside to which links may lead.

    Attributes:
        litter: name -> how many were left out. unreadable: path -> why. Complete when the pass is over.
    """

    def __init__(self, folder: Path, own: Iterable[Path] = (), links: Iterable[Path] = ()) -> None:
        self.folder = folder
        self.own = {os.path.realpath(place) for place in own}
        self.links = [Path(os.path.realpath(place)) for place in links]
        self.litter: Counter[str] = Counter()
        self.unreadable: dict[str, str] = {}
        self._followed: set[str] = set()

    def __iter__(self) -> Iterator[Entry]:
        stack = [("", self._entries(""))]
        while stack:
            prefix, entries = stack[-1]
            for entry in entries:
                name = entry.name
                if name.lower() in LITTER or name.startswith("._"):
                    self.litter["._*" if name.startswith("._") else name] += 1
                    continue
                if name[0] in ".~" or (suffix := suffix_of(name)) in UNFINISHED:
                    continue
                path = prefix + name
                if entry.is_file(follow_symlinks=False):
                    yield Entry(path, suffix, "file", entry)
                elif self._is_entered(entry, path):
                    stack.append((f"{path}/", self._entries(path)))
                    break
                elif not entry.is_dir(follow_symlinks=False):
                    yield Entry(path, suffix, "link" if entry.is_symlink() else "other", entry)
            else:
                stack.pop()

    def _entries(self, below: str) -> Iterator[os.DirEntry[str]]:
        """What lies in one folder."""
        try:
            with os.scandir(self.folder / below) as entries:
                return iter(sorted(entries, key=attrgetter("name")))
        except OSError as error:
            if not below and isinstance(error, FileNotFoundError):
                raise
            self.unreadable[below or "."] = error.strerror or str(error)
            return iter(())

    def _is_entered(self, entry: os.DirEntry[str], path: str) -> bool:
        """Whether the walk goes on in it: a folder that is not ours, or a link that is followed."""
        if entry.is_dir(follow_symlinks=False):
            return not self._is_own(path)
        return entry.is_symlink() and self._follows(path)

    def _is_own(self, path: str) -> bool:
        place = os.path.join(self.folder, path)
        return bool(self.own) and (os.path.realpath(place) if self._followed else place) in self.own

    def _follows(self, path: str) -> bool:
        """Whether a link leads to a folder that is allowed and that no other link has led to."""
        real = os.path.realpath(self.folder / path)
        if real in self._followed or real in self.own or not os.path.isdir(real):
            return False
        allowed = any(Path(real).is_relative_to(place) for place in self.links)
        if allowed:
            self._followed.add(real)
        return allowed


def suffix_of(name: str) -> str:
    """Of a file name, lower case, with the dot; "" where there is none."""
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if dot and stem and "/" not in suffix else ""


def link_targets(folder: Path, own: Iterable[Path] = ()) -> list[Path]:
    """The folders outside to which the links in a folder lead, as few and as narrow as name them all; none of `own`."""
    outside: set[Path] = set()
    walk = Walk(folder, own)
    for path, _, kind, _ in walk:
        real = Path(os.path.realpath(folder / path)) if kind == "link" else folder
        if not real.is_relative_to(folder) and real.exists():
            outside.add(real if real.is_dir() else real.parent)
    outside = {place for place in outside if not any(map(place.is_relative_to, walk.own))}
    if not outside:
        return []
    common = Path(os.path.commonpath(outside))
    return [common] if len(common.parts) > BROADEST else sorted(outside)
