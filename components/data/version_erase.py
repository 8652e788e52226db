"""Data versions that hold a forgotten sample, in DVC's cache and its remote: they are found, and go for good.

A version is a list of files (HASH.dir); cache and remote keep lists and files alike by their md5. A version without
the sample would be another version, so one that holds it is not changed: it goes, for all recipes in it.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from components.data.erase import holds


class Objects(Protocol):
    """A cache or a remote: content by its name, "ab/cdef..." or "ab/cdef....dir"."""

    def names(self) -> Iterator[str]: ...
    def read(self, name: str) -> bytes: ...
    def delete(self, name: str) -> None: ...


class Folder:
    """A cache, or a remote that is a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root / "files" / "md5"

    def names(self) -> Iterator[str]:
        yield from (
            file.relative_to(self.root).as_posix() for file in self.root.glob("??/*") if file.is_file()
        )

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def delete(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)


class Held(NamedTuple):
    """versions: hashes. objects: names of their lists and of the files that hold a sample."""

    versions: list[str]
    objects: set[str]


def find(places: Iterable[Objects], recipe: str, ids: Collection[str]) -> Held:
    """What holds one of these samples of a recipe. A file that another recipe has too is that one's, and stays."""
    lists: dict[str, dict[str, str]] = {}  # of a version: file -> its name among the objects
    where: dict[str, Objects] = {}
    for place in places:
        for name in place.names():
            where.setdefault(name, place)
            if name.endswith(".dir") and name not in lists:
                listed = json.loads(place.read(name))
                lists[name] = {item["relpath"]: f"{item['md5'][:2]}/{item['md5'][2:]}" for item in listed}
    files: dict[str, set[str]] = {}
    for listed in lists.values():
        for path, name in listed.items():
            files.setdefault(name, set()).add(path.split("/")[0])
    asked = [name for name in where if not name.endswith(".dir") and files.get(name, {recipe}) >= {recipe}]
    held = {name for name in asked if holds(where[name].read(name), ids)}
    versions = sorted(name for name, listed in lists.items() if held & set(listed.values()))
    own = {name for name in held if files.get(name, {recipe}) == {recipe}}
    return Held([name.replace("/", "") for name in versions], {*versions, *own})


def erase(places: Iterable[Objects], held: Held) -> None:
    """Delete it everywhere; the files first, so that one that is killed is found again by its lists."""
    for place in places:
        for name in sorted(held.objects, key=lambda name: name.endswith(".dir")):
            place.delete(name)
