"""What of an inbox is a sample, and what is wrong with one: the part of a modality that ingest needs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class TableSample(NamedTuple):
    """One sample of a delivered file that holds several. label, source, group: "" where there is none."""

    name: str
    data: bytes
    label: str = ""
    source: str = ""
    group: str = ""


class Reader(ABC):
    """Reads the samples of one kind.

    noun: what its files are called, in the plural. wanted: what an inbox may hold, for a person whose inbox holds
    none of it. suffixes: of files that are a sample each, in small letters with the dot. max_bytes: of such a file.
    containers: suffixes of files, other than tables, that hold several samples each, or one and its group, and are read
    by `rows`. group:
    column that says which samples belong together and stay in one split, such as a patient; None: nothing does.
    target: column of the label that the recipe names, in small letters; None: it names none.
    joins: whether a sample is made of several files (an image and its caption): the files of a folder, or a table and
    the files that it names, are then one delivery, and `joined` reads it; what else it needs for that is at the end.
    """

    noun: str
    wanted: str
    suffixes: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()
    max_bytes: int
    group: str | None = None
    target: str | None = None
    joins: bool = False

    def begins_like(self, head: bytes) -> bool:
        """Whether the first bytes of a file whose suffix says nothing are those of a sample."""
        return False

    def begins_several(self, head: bytes) -> bool:
        """Whether they are those of a file that holds several samples and is read by `rows`."""
        return False

    @abstractmethod
    def is_table(self, path: str, columns: set[str]) -> bool:
        """Whether a table with these columns (in small letters) holds samples."""

    def count(self, file: Path) -> int:
        """How many samples such a file holds, good or bad.

        Raises:
            ValueError: it cannot be read to its end.
        """
        from components.data.tables import (
            count_rows,
        )  # pyarrow, 0.2 s that readers of files need not wait for

        return count_rows(file)

    @abstractmethod
    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        """The samples of such a table, or of a file with one of `containers`, in order. One without a name is called
        DELIVERY#ROW, from 0.

        source: the column that says where a sample comes from.

        Raises:
            ValueError: the file cannot be read to its end; one line for a person.
        """

    @abstractmethod
    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        """Why each sample of a batch belongs in quarantine ("kind" or "kind: detail"), or None. Never raises."""

    def founded(self, packing: Any) -> None:
        """Hold further samples to the recipe's first snapshot, whose packing this is, where what they have to have was
        found there (columns of a table). Most kinds have nothing of that sort."""
        return

    def size(self, data: bytes) -> tuple[int, int] | None:
        """Height and width of a sample, which a mask of it must have too; None where it has none or cannot be read."""
        return None

    def mended(self, reason: str) -> bool:
        """Whether what was quarantined for this reason would be taken today (a decoder was installed)."""
        return False

    # Where a sample is made of several files.

    def names_files(self, path: str, columns: set[str]) -> bool:
        """Whether a table of samples names files that they are made of, in place of holding them whole."""
        return False

    def whole(self, files: Sequence[str]) -> int:
        """How many of the files of a delivery make samples to which nothing is missing."""
        raise TypeError(f"{type(self).__name__} defines no whole")

    def alone(self, files: Sequence[str]) -> list[str]:
        """Files of a folder to which another is missing."""
        raise TypeError(f"{type(self).__name__} defines no alone")

    def named(self, row: dict[str, str], table: str) -> tuple[str, ...]:
        """Where below the inbox the file that a row of a table names may lie, the likeliest place first."""
        raise TypeError(f"{type(self).__name__} defines no named")

    def count_joined(self, folder: Path, files: Sequence[str]) -> int:
        """How many samples these files make, good or bad. folder: of the inbox."""
        raise TypeError(f"{type(self).__name__} defines no count_joined")

    def joined(
        self, folder: Path, files: Sequence[str], read: Callable[[str, int], bytes], source: str | None
    ) -> Iterator[TableSample]:
        """The samples of a delivery, in order.

        Args:
            folder: of the inbox. files: relative to it; a table and what it names begin with the table.
            read: a file -> its first bytes, at most so many; none where it must not be opened.
            source: see `rows`.

        Raises:
            ValueError: as `rows`.
        """
        raise TypeError(f"{type(self).__name__} defines no joined")


def kind_of(reason: str) -> str:
    """The part of a reason that is counted: 'too small: 1 x 1' -> 'too small'."""
    return reason.split(":", 1)[0]
