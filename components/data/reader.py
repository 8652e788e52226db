"""What of an inbox is a sample, and what is wrong with one: the part of a modality that ingest needs."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
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
    containers: suffixes of files, other than tables, that hold several samples each and are read by `rows`. group:
    column that says which samples belong together and stay in one split, such as a patient; None: nothing does.
    """

    noun: str
    wanted: str
    suffixes: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()
    max_bytes: int
    group: str | None = None

    def begins_like(self, head: bytes) -> bool:
        """Whether the first bytes of a file whose suffix says nothing are those of a sample."""
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

    def mended(self, reason: str) -> bool:
        """Whether what was quarantined for this reason would be taken today (a decoder was installed)."""
        return False


def kind_of(reason: str) -> str:
    """The part of a reason that is counted: 'too small: 1 x 1' -> 'too small'."""
    return reason.split(":", 1)[0]
