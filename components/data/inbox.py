"""What lies in an inbox: deliveries of samples, files of labels, and what is better left for the next time.

A delivery is one of
- a Parquet file with a column of images (see tables.py), and perhaps `name` and `label`; any other column is
  ignored, but for that which tells the source, if asked;
- a table of paths: CSV or Parquet with a column `path`, relative to the inbox, and perhaps `label` and the source;
- the image files below one top-level folder, or those that lie loose in the inbox ("."), at any depth.

Which files hold labels is in label_files.py. Everything is read as a stream: one row group's page, one file
at a time.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from components.data.checks import SUFFIXES
from components.data.label_files import is_label_file, is_label_table, is_table, is_unread_label_file
from components.data.sample_names import find_samples
from components.data.tables import columns_of, parquet_images, read_rows

LOOSE = "."
HOSTILE = "hostile path"
UNFINISHED = frozenset({".tmp", ".part", ".partial", ".crdownload", ".swp"})


class Item(NamedTuple):
    """One sample as it came: bytes, or the reason why there are none. name: unique within the inbox. source: where it
    comes from, "" where nobody says."""

    name: str
    data: bytes
    reason: str | None = None
    label: str = ""
    fresh: bool = False  # its file changed moments ago: if it is bad, it may not be finished
    source: str = ""


@dataclass(frozen=True)
class Delivery:
    """name: of the file or folder, relative to the inbox. files: relative, in order; none listed twice. sources: of
    files, where a table tells them."""

    name: str
    kind: str  # "parquet" | "files"
    files: list[str]
    sources: dict[str, str] = field(default_factory=dict)


@dataclass
class Listing:
    """left: files for the next time, with the reason. ignored: files that are no samples. broken: unreadable
    deliveries, with the reason. columns: of all tables of samples."""

    deliveries: list[Delivery] = field(default_factory=list)
    label_files: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)


class Inbox:
    """A folder that others write to while we read. now, settle: seconds; younger than settle may be
    unfinished. source: the column of tables that says where a sample comes from; in CSV whatever its case.
    """

    def __init__(self, folder: Path, settle: float, now: float, source: str | None = None) -> None:
        self.folder, self.settle, self.now, self.source = folder.resolve(), settle, now, source

    def fresh(self, mtime: float) -> bool:
        return 0 <= self.now - mtime < self.settle

    def walk(self, below: str = "") -> Iterator[tuple[str, os.stat_result]]:
        """(path relative to the inbox, lstat) of every file, in order of name; hidden and half-copied ones
        not.

        Links to folders are listed as files, never followed: a loop or another disk may be behind them.
        """
        with os.scandir(self.folder / below) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                path = f"{below}/{entry.name}" if below else entry.name
                if entry.name.startswith((".", "~")) or Path(entry.name).suffix.lower() in UNFINISHED:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self.walk(path)
                else:
                    yield path, entry.stat(follow_symlinks=False)

    def digest(self) -> str:
        """Sha256 (hex) of the listing: paths, sizes, times, and which files are too young to be trusted."""
        total = hashlib.sha256()
        for path, found in self.walk():
            young = self.fresh(found.st_mtime)
            line = f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0{young}\n"
            total.update(line.encode(errors="surrogateescape"))
        return total.hexdigest()

    def list(self) -> Listing:
        """All that there is, sorted into what it is. Opens tables to see their columns, images not."""
        listing = Listing()
        folders: dict[str, list[str]] = {}
        tables: dict[str, dict[str, str]] = {}
        for path, found in self.walk():
            suffix, young = Path(path).suffix.lower(), self.fresh(found.st_mtime)
            if is_table(path) and stat.S_ISREG(found.st_mode):
                if suffix != ".parquet" and young and not _ends_with_newline(self.folder / path):
                    listing.left[path] = "still being written (no line end after the last row)"
                    continue
                try:
                    columns = columns_of(self.folder / path)
                    rows = (
                        read_rows(self.folder / path) if "path" in columns and not is_label_file(path) else []
                    )
                    column = self._column(columns)
                    paths = {row["path"]: row.get(column, "") for row in rows}
                except ValueError as error:
                    (listing.left if young else listing.broken)[path] = str(error)
                    continue
                if {"image", "bytes", "path"} & columns and not is_label_file(path):
                    listing.columns |= columns
                if {"image", "bytes"} & columns and suffix == ".parquet":
                    listing.deliveries.append(Delivery(path, "parquet", [path]))
                elif suffix == ".txt" and not is_label_table("", columns):
                    listing.ignored.append(path)
                elif "path" in columns or is_label_table(path, columns):
                    if "path" in columns and not is_label_file(path):
                        tables[path] = paths
                    if is_label_table(path, columns):
                        listing.label_files.append(path)
                else:
                    known = ", ".join(sorted(columns))[:100]
                    listing.broken[path] = f"no column image, bytes or path: it has {known}"
            elif is_unread_label_file(path):
                listing.broken[path] = "not a form of labels that is read: save it as CSV"
            elif suffix in SUFFIXES or stat.S_ISLNK(found.st_mode):
                folders.setdefault(path.split("/")[0] if "/" in path else LOOSE, []).append(path)
            else:
                listing.ignored.append(path)
        claimed: set[str] = set()
        on_disk = {file for found in folders.values() for file in found}
        for table, paths in tables.items():
            paths = self._as_on_disk(paths, on_disk)
            own = {path: source for path, source in paths.items() if path not in claimed}
            claimed.update(own)
            told = {path: source for path, source in own.items() if source}
            listing.deliveries.append(Delivery(table, "files", list(own), told))
        for name, files in folders.items():
            if rest := [file for file in files if file not in claimed]:
                listing.deliveries.append(Delivery(name, "files", rest))
        listing.deliveries.sort(key=lambda d: d.name)
        return listing

    def _as_on_disk(self, paths: dict[str, str], files: set[str]) -> dict[str, str]:
        """Paths as the disk spells them, where each means one file."""
        found = find_samples(paths.keys() - files, lambda: ((file, file) for file in files), str(self.folder))
        return {next(iter(hits)) if len(hits := found.get(path, {path})) == 1 else path: source
                for path, source in paths.items()}  # fmt: skip

    def _column(self, columns: set[str]) -> str:
        """The source column as a table spells it, "" where none is asked for."""
        return (self.source if self.source in columns else self.source.lower()) if self.source else ""

    def content_digest(self, delivery: Delivery) -> str:
        """Sha256 (hex) of a delivery's names and bytes, whatever its files' times."""
        total = hashlib.sha256(f"{delivery.name}\0".encode(errors="surrogateescape"))
        for path in delivery.files:
            total.update(f"{path}\0".encode(errors="surrogateescape"))
            if self.refuse(path) is None:
                try:
                    with (self.folder / path).open("rb") as stream:
                        total.update(hashlib.file_digest(stream, "sha256").digest())
                except OSError as error:
                    total.update(str(error.errno).encode())
        return total.hexdigest()

    def items(self, delivery: Delivery, max_bytes: int) -> Iterator[Item]:
        """The samples of a delivery, in order; a file above max_bytes is named, not read."""
        if delivery.kind == "parquet":
            file = self.folder / delivery.files[0]
            for name, data, label, source in parquet_images(file, delivery.name, self.source):
                yield Item(name, data, label=label, source=source)
        else:
            for path in delivery.files:
                yield self.item(path, max_bytes)._replace(source=delivery.sources.get(path, ""))

    def item(self, path: str, max_bytes: int) -> Item:
        reason = self.refuse(path)
        if reason is not None:
            return Item(path, b"", reason)
        try:
            with (self.folder / path).open("rb") as stream:
                found = os.fstat(stream.fileno())
                young = self.fresh(found.st_mtime)
                if found.st_size > max_bytes:
                    head = stream.read(64 * 1024)
                    reason = f"too large a file: {found.st_size} bytes, allowed {max_bytes}"
                    return Item(path, head, reason, fresh=young)
                return Item(path, stream.read(max_bytes + 1), fresh=young)
        except OSError as error:
            return Item(path, b"", f"unreadable: {error.strerror}")

    def refuse(self, path: str) -> str | None:
        """Why a path must not be opened, or None. Pipes and devices would block a reader and are refused."""
        if not path:
            return f"{HOSTILE}: empty"
        if "\0" in path or path.startswith(("/", "\\")) or ".." in Path(path).parts:
            return f"{HOSTILE}: it must lie below the inbox"
        try:
            real = (self.folder / path).resolve(strict=True)
            if not real.is_relative_to(self.folder):
                return f"{HOSTILE}: a link that leads out of the inbox"
            return None if real.is_file() else "not a file"
        except FileNotFoundError:
            return "missing: no such file"
        except (OSError, RuntimeError) as error:
            return f"unreadable: {getattr(error, 'strerror', None) or error}"


def _ends_with_newline(file: Path) -> bool:
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 2))
        return stream.read().rstrip(b"\0").endswith((b"\n", b"\r"))  # UTF-16 ends in a zero
