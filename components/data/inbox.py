"""What lies in an inbox: deliveries of samples, files of labels, and what is better left for the next time.

A delivery is one of
- a table that holds samples, a row each (Reader.is_table), and perhaps names, labels and sources of them;
- another file that holds several samples (Reader.containers);
- a table of paths: CSV or Parquet with a column `path`, relative to the inbox, and perhaps `label`, the source
  and the group;
- the files of samples below one top-level folder, or those that lie loose in the inbox ("."), at any depth. A file
  whose suffix tells nothing is a sample if it begins like one.
- where several files make a sample (Reader.joins): such a folder as a whole, or a table and the files that it names.

Which files hold labels is in label_files.py. Everything is read as a stream: one row group's page, one file
at a time.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from components.data.checked_files import begins_like, open_plain
from components.data.label_files import is_label_file, is_label_table, is_table, is_unread_label_file
from components.data.mask_files import is_mask
from components.data.reader import Reader
from components.data.sample_names import find_samples
from components.data.tables import columns_of, read_rows
from components.data.walk import Walk, suffix_of
from components.errors import UserError
from components.wording import counted

LOOSE = "."
HOSTILE = "hostile path"
LINK = "link out of the inbox"
LINES = 1024  # of a listing that are hashed together
Paths = list[str]
Folders = dict[str, list[str]]  # top-level folder -> its files


class Item(NamedTuple):
    """One sample as it came: bytes, or the reason why there are none. name: unique within the inbox. source, group:
    where it comes from, and what it belongs to; "" where nobody says."""

    name: str
    data: bytes
    reason: str | None = None
    label: str = ""
    source: str = ""
    group: str = ""


class Origin(NamedTuple):
    """What a table of paths says of a file; "" where it says nothing. See Item."""

    source: str = ""
    group: str = ""


@dataclass(frozen=True)
class Delivery:
    """name: of the file or folder, relative to the inbox. files: relative, in order; none listed twice. origins: of
    files, where a table tells them. suspect: the files that refuse() must look at before they are opened, as the walk
    has not found them to be plain files."""

    name: str
    kind: str  # "table" | "files" | "joined"
    files: list[str]
    origins: dict[str, Origin] = field(default_factory=dict)
    suspect: frozenset[str] = frozenset()


@dataclass
class Listing:
    """noun: see Reader. left: files for the next time, with the reason. ignored: files that are no samples. broken:
    unreadable deliveries, with the reason. columns: of all tables of samples. masks: paths, see mask_files.py. litter,
    unreadable: see Walk."""

    noun: str = "samples"
    deliveries: list[Delivery] = field(default_factory=list)
    label_files: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)
    litter: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)

    def left_out(self) -> Iterator[str]:
        """What was left out and why, a line each for a person."""
        if self.ignored:
            files, example = counted(len(self.ignored), "file"), self.ignored[0]
            yield f"ignored {files} of other kinds than {self.noun}, e.g. {example}"
        if self.litter:
            names = ", ".join(f"{count} {name}" for name, count in self.litter.most_common(5))
            yield f"left out {names}: what systems and programs leave behind, with all that is in it"
        for path, reason in list(self.unreadable.items())[:5]:
            yield f"left out {path}: {reason}; give the user who runs this the right to read it if it is wanted"
        if (more := len(self.unreadable) - 5) > 0:
            yield f"left out {more} more that cannot be read"

    def require(self, field: str, column: str | None) -> None:
        """Raises UserError where there are tables of samples and none has the column.

        field: of the recipe, which names it.
        """
        if not column or not self.columns or {column, column.lower()} & self.columns:
            return
        near = get_close_matches(column.lower(), sorted(self.columns), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        known = ", ".join(sorted(self.columns))[:200]
        raise UserError(
            "column-missing",
            f"{field}: no table of samples in the inbox has a column {column!r}; columns at hand: {known}{hint}",
        )


class Inbox:
    """A folder that others write to while we read. now, settle: seconds; younger than settle may be
    unfinished. source: the column of tables that says where a sample comes from; in CSV whatever its case. own, links:
    see Walk. guess: whether a file whose suffix tells nothing is looked into. masks: whether labels are masks,
    so that files that are named as such are no samples.
    """

    def __init__(
        self, folder: Path, reader: Reader, settle: float, now: float, source: str | None = None,
        own: Iterable[Path] = (), links: Iterable[Path] = (), guess: bool = True, masks: bool = False,
    ) -> None:  # fmt: skip
        self.reader, self.guess, self.masks = reader, guess, masks
        self.folder, self.settle, self.now, self.source = folder.resolve(), settle, now, source
        self.own, self.links = tuple(own), tuple(Path(os.path.realpath(place)) for place in links)

    def fresh(self, mtime: float) -> bool:
        return 0 <= self.now - mtime < self.settle

    def walk(self) -> Walk:
        return Walk(self.folder, self.own, self.links)

    def digest(self) -> str:
        """Sha256 (hex) of the listing: paths, sizes, times, and which files are too young to be trusted."""
        total, walk = hashlib.sha256(), self.walk()
        lines: list[str] = []
        for path, _, _, entry in walk:
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:  # taken away meanwhile
                continue
            young = self.fresh(found.st_mtime)
            lines.append(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0{young}\n")
            if len(lines) >= LINES:
                total.update("".join(lines).encode(errors="surrogateescape"))
                lines.clear()
        lines += (f"{path}\0unreadable\n" for path in walk.unreadable)
        total.update("".join(lines).encode(errors="surrogateescape"))
        return total.hexdigest()

    def list(self) -> Listing:
        """All that there is, sorted into what it is. Opens tables to see their columns, other files not."""
        listing, walk = Listing(self.reader.noun), self.walk()
        folders: dict[str, list[str]] = {}
        tables: dict[str, dict[str, Origin]] = {}
        joined: list[str] = []
        suspect: set[str] = set()
        for path, suffix, kind, _ in walk:
            if self.masks and is_mask(path):
                (listing.masks if self.refuse(path) is None else listing.ignored).append(path)
                continue
            sample = suffix in self.reader.suffixes and not (is_table(path) and is_label_file(path))
            if kind == "file" and sample:
                folders.setdefault(_top(path), []).append(path)
                continue
            table = is_table(path)
            if kind != "file" and (not table or self.refuse(path) is not None):
                if kind == "link" or sample:
                    suspect.add(path)
                    folders.setdefault(_top(path), []).append(path)
                else:
                    listing.ignored.append(path)
            elif table:
                self._table(path, listing, tables, joined)
            elif suffix in self.reader.containers:
                listing.deliveries.append(Delivery(path, "table", [path]))
            elif is_unread_label_file(path):
                listing.broken[path] = "not a form of labels that is read: save it as CSV"
            else:
                begins = begins_like(self.reader, self.folder / path, suffix) if self.guess else None
                if begins == "several":
                    listing.deliveries.append(Delivery(path, "table", [path]))
                elif begins == "sample":
                    folders.setdefault(_top(path), []).append(path)
                else:
                    listing.ignored.append(path)
        listing.litter = walk.litter
        listing.unreadable |= walk.unreadable
        if self.reader.joins:
            self._join(listing, folders, joined)
        else:
            _deliver(listing, folders, tables, suspect, str(self.folder))
        return listing

    def _join(self, listing: Listing, folders: Folders, tables: Paths) -> None:
        """The deliveries of samples that several files make: a table takes the files that it names out of their
        folders. A file whose other side may still come is left for the next time."""
        there, claimed = {path for files in folders.values() for path in files}, set[str]()
        for table in tables:
            places = (self.reader.named(row, table) for row in read_rows(self.folder / table))
            found = (next((place for place in some if place in there), "") for some in places)
            own = [path for path in dict.fromkeys(found) if path]
            claimed.update(own)
            listing.deliveries.append(Delivery(table, "joined", [table, *own]))
        for name, files in folders.items():
            rest = [path for path in files if path not in claimed]
            young = {path for path in self.reader.alone(rest) if self._is_young(path)}
            listing.left |= dict.fromkeys(sorted(young), "the file that belongs to it is not there yet")
            if rest := [path for path in rest if path not in young]:
                listing.deliveries.append(Delivery(name, "joined", rest))
        listing.deliveries.sort(key=lambda d: d.name)

    def _is_young(self, path: str) -> bool:
        try:
            return self.fresh((self.folder / path).lstat().st_mtime)
        except OSError:
            return False

    def _table(
        self, path: str, listing: Listing, tables: dict[str, dict[str, Origin]], joined: Paths
    ) -> None:
        """What a table is; a table of paths is added to `tables`, with what it says of its paths, and to `joined` where
        it makes samples of the files that it names."""
        file, suffix = self.folder / path, suffix_of(path)
        try:
            young = self.fresh(file.stat().st_mtime)
            if suffix != ".parquet" and young and not _ends_with_newline(file):
                listing.left[path] = "still being written (no line end after the last row)"
                return
        except OSError as error:
            listing.unreadable[path] = error.strerror or str(error)
            return
        try:
            columns = columns_of(file)
            rows = read_rows(file) if "path" in columns and not is_label_file(path) else iter(())
            source, group = self._column(self.source, columns), self._column(self.reader.group, columns)
            paths = {row["path"]: Origin(row.get(source, ""), row.get(group, "")) for row in rows}
        except ValueError as error:
            (listing.left if young else listing.broken)[path] = str(error)
            return
        samples = self.reader.is_table(path, columns)
        if samples or ("path" in columns and not is_label_file(path)):
            listing.columns |= columns
        if samples and self.reader.names_files(path, columns):
            joined.append(path)
        elif samples:
            listing.deliveries.append(Delivery(path, "table", [path]))
        elif suffix == ".txt" and not is_label_table("", columns):
            listing.ignored.append(path)
        elif ("path" in columns and not self.reader.joins) or is_label_table(path, columns):
            if "path" in columns and not is_label_file(path):
                tables[path] = paths
            if is_label_table(path, columns):
                listing.label_files.append(path)
        else:
            known = ", ".join(sorted(columns))[:100]
            listing.broken[path] = f"no column of {self.reader.noun} or path: it has {known}"

    @staticmethod
    def _column(name: str | None, columns: set[str]) -> str:
        """A column as a table spells it, "" where none is asked for."""
        return (name if name in columns else name.lower()) if name else ""

    def count(self, delivery: Delivery) -> int:
        """How many samples a delivery holds, good or bad."""
        if delivery.kind == "files":
            return len(delivery.files)
        if delivery.kind == "joined":
            return self.reader.count_joined(self.folder, delivery.files)
        return self.reader.count(self.folder / delivery.files[0])

    def whole(self, delivery: Delivery) -> int:
        """How many files of a delivery make samples to which nothing is missing; 0 of a table that holds them all."""
        if delivery.kind == "joined":
            return self.reader.whole(delivery.files)
        return len(delivery.files) if delivery.kind == "files" else 0

    def total(self, deliveries: Iterable[Delivery]) -> int:
        """How many samples several deliveries hold, good or bad.

        Raises:
            UserError: one cannot be read to its end.
        """
        total = 0
        for delivery in deliveries:
            try:
                total += self.count(delivery)
            except ValueError as error:
                raise self.unreadable(delivery, error) from None
        return total

    def unreadable(self, delivery: Delivery, error: ValueError) -> UserError:
        """The mistake of a delivery that cannot be read to its end."""
        return UserError(
            "delivery-invalid", f"{self.folder / delivery.name}: {error}; mend it or take it away"
        )

    def items(self, delivery: Delivery, max_bytes: int) -> Iterator[Item]:
        """The samples of a delivery, in order; a file above max_bytes is named, not read."""
        if delivery.kind in ("table", "joined"):
            file, told = self.folder / delivery.files[0], delivery.origins.get(delivery.files[0], Origin())
            for name, data, label, source, group in (
                self.reader.rows(file, delivery.name, self.source)
                if delivery.kind == "table"
                else self.reader.joined(self.folder, delivery.files, self.beginning, self.source)
            ):
                yield Item(name, data, label=label, source=source or told.source, group=told.group or group)
        else:
            for path in delivery.files:
                yield self.item(path, max_bytes)._replace(**delivery.origins.get(path, Origin())._asdict())

    def item(self, path: str, max_bytes: int) -> Item:
        reason = self.refuse(path)
        if reason is not None:
            return Item(path, b"", reason)
        try:
            with open_plain(self.folder / path, linked=True) as stream:
                found = os.fstat(stream.fileno())
                if found.st_size > max_bytes:
                    head = stream.read(64 * 1024)
                    reason = f"too large a file: {found.st_size} bytes, allowed {max_bytes}"
                    return Item(path, head, reason)
                return Item(path, stream.read(found.st_size + 1))
        except OSError as error:
            return Item(path, b"", f"unreadable: {error.strerror}")

    def beginning(self, path: str, most: int) -> bytes:
        """The first `most` bytes of a file; none where it must not be opened or cannot be read."""
        if self.refuse(path) is not None:
            return b""
        try:
            with open_plain(self.folder / path, linked=True) as stream:
                size = min(most, os.fstat(stream.fileno()).st_size)
                return stream.read(size)
        except OSError:
            return b""

    def refuse(self, path: str) -> str | None:
        """Why a path must not be opened, or None. Pipes and devices would block a reader and are refused."""
        if not path:
            return f"{HOSTILE}: empty"
        if "\0" in path or path.startswith(("/", "\\")) or ".." in Path(path).parts:
            return f"{HOSTILE}: it must lie below the inbox"
        try:
            real = (self.folder / path).resolve(strict=True)
            if not real.is_relative_to(self.folder) and not any(map(real.is_relative_to, self.links)):
                return f"{LINK}: it leads to {real}; name its folder in ingest.links if that is meant"
            return None if real.is_file() else "not a file"
        except FileNotFoundError:
            return "missing: no such file"
        except (OSError, RuntimeError) as error:
            return f"unreadable: {getattr(error, 'strerror', None) or error}"


def _top(path: str) -> str:
    """The top-level folder of a path, LOOSE where there is none."""
    top, slash, _ = path.partition("/")
    return top if slash else LOOSE


def _deliver(
    listing: Listing, folders: dict[str, list[str]], tables: dict[str, dict[str, Origin]], suspect: set[str], root: str
) -> None:  # fmt: skip
    """The deliveries of files: a table takes the paths that it names out of their folders. A file of several samples
    that it names stays a delivery of its own, with what the table says of it."""
    there = {path for files in folders.values() for path in files} if tables else set()
    several = {one.name: place for place, one in enumerate(listing.deliveries) if not is_table(one.name)}
    plain = there - suspect
    claimed: set[str] = set()
    for table, paths in tables.items():
        paths = _as_on_disk(paths, there | several.keys(), root)
        for path in paths.keys() & several.keys():
            place = several[path]
            listing.deliveries[place] = replace(listing.deliveries[place], origins={path: paths[path]})
        own = {path: origin for path, origin in paths.items() if path not in claimed | several.keys()}
        claimed.update(own)
        if paths and not own:
            continue
        told = {path: origin for path, origin in own.items() if any(origin)}
        doubtful = frozenset(path for path in own if path not in plain)
        listing.deliveries.append(Delivery(table, "files", list(own), told, doubtful))
    for name, files in folders.items():
        if rest := [file for file in files if file not in claimed] if claimed else files:
            doubtful = frozenset(suspect.intersection(rest)) if suspect else frozenset()
            listing.deliveries.append(Delivery(name, "files", rest, suspect=doubtful))
    listing.deliveries.sort(key=lambda d: d.name)


def _as_on_disk(paths: dict[str, Origin], files: set[str], root: str) -> dict[str, Origin]:
    """Paths as the disk spells them, where each means one file."""
    found = find_samples(paths.keys() - files, lambda: ((file, file) for file in files), root)
    return {next(iter(hits)) if len(hits := found.get(path, {path})) == 1 else path: origin
            for path, origin in paths.items()}  # fmt: skip


def _ends_with_newline(file: Path) -> bool:
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 2))
        return stream.read().rstrip(b"\0").endswith((b"\n", b"\r"))  # UTF-16 ends in a zero
