"""What every kind of data is: the interface through which stages, objectives and methods reach it.

A sample is bytes. Packing turns all samples once into memory-mapped arrays and a `Packing`: what training and serving
must know of them (statistics, vocabulary, columns). A row of these arrays becomes a view, one tensor, which is all
that encoders and objectives see.

Letters: N samples, B samples of a batch, T tokens of the longest of a batch, F columns of a table.
Views: image [B, C, S, S] float in [0, 1]; text [B, T] int64, 0 is padding; table [B, F] float32, NaN is missing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from components.arrays import Ints
from components.config import Config
from components.data.packed import Packed
from components.data.reader import Reader
from components.errors import UserError
from components.modalities.look import Look


class Packing(Config):
    """What training and serving must know of the packed samples. `name`: of the modality, as in its Config."""

    name: str

    @property
    def config(self) -> Config:
        """The modality's configuration with which further samples are packed like these."""
        raise TypeError(f"{type(self).__name__} defines no config")

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> Packed:
        """Map the arrays that the modality has written; rows=None takes all N samples."""
        raise TypeError(f"{type(self).__name__} defines no open")

    def reads(self, other: "Packing") -> bool:
        """Whether a model that learnt from samples packed like these reads samples packed like `other`."""
        return self == other


@dataclass
class Written:
    """What `pack` wrote.

    files: names of the arrays in the folder, by the name that Packing.open knows them by. samples: N, their rows.
    unreadable: position among the samples given -> reason, for those that have no row. found: what was found of the
    samples while they were packed (range, vocabulary, columns), as far as `packing` needs it.
    notes: what a person should know of it, a line each.
    """

    files: dict[str, str]
    samples: int = 0
    unreadable: dict[int, str] = field(default_factory=dict)
    found: Any = None
    notes: list[str] = field(default_factory=list)


class MisfitError(UserError):
    """Samples that do not fit the recipe's first ones. places: positions of them among the samples that were given."""

    def __init__(self, code: str, message: str, places: Iterable[int] = ()) -> None:
        super().__init__(code, message)
        self.places = frozenset(places)


C = TypeVar("C", bound=Config)
P = TypeVar("P", bound=Packing)


class Modality(ABC, Generic[C, P]):
    """Samples of one kind, as a recipe describes them: from bytes to rows of arrays. Holds no state but the
    description.

    founded: whether what gives stored numbers their meaning (a vocabulary, columns) is found in the recipe's first
    samples and stays as it was found. Limits: type of its limits on a sample.
    requirements: packages that a served model of this kind needs beyond those of every model.
    columns: input columns of a served model; one alone may come without its name.
    policies: of views, by name, each with what its views do, for a report.
    beside: rows that can be read side by side in a sheet.
    """

    founded: bool = False
    policies: ClassVar[Mapping[str, str]]
    beside: ClassVar[int] = 3
    Limits: ClassVar[type[Config]]
    requirements: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: C) -> None:
        self.config = config

    @abstractmethod
    def look(self) -> Look:
        """Takes in samples for `selfsup init`, and says what suits them."""

    @abstractmethod
    def placeholder(self) -> P:
        """A packing of made-up samples, for checks before there are any."""

    @abstractmethod
    def reader(self, limits: Any) -> Reader:
        """What of an inbox is a sample. limits: of type Limits."""

    @abstractmethod
    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[Any]]],
        total: int,
        folder: Path,
        *,
        before: P | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        """Write the arrays of all samples into `folder`: same samples (and `before`), same bytes. Memory does not grow
        with N.

        Args:
            encoded: gives batches of samples in row order, anew at each call. A sample is bytes, or a row of the
                arrays (`Packed.row`) of an earlier snapshot with the same configuration.
            total: their number.
            before: the packing of the recipe's first snapshot, where this kind of data is `founded`: whatever gives a
                stored number its meaning stays as it was, and a trained encoder reads what comes.
            progress: called with the share done.

        Raises:
            MisfitError: samples do not fit the others, or `before`.
            UserError: what no single sample is to blame for; no room on the disk.
        """

    @abstractmethod
    def packing(self, written: Written, folder: Path, rows: Ints) -> P:
        """What training must know, from the arrays in `folder` and the training samples `rows`.

        Raises:
            UserError: nothing can be learnt from them.
        """

    def near_duplicates(self, files: Mapping[str, Path]) -> Ints | None:
        """[N] the first row that each row is nearly the same as, its own where there is none; None: not looked for."""
        return None

    def values(self, given: Any, packing: P) -> list[Any]:
        """The samples of a request to a served model, each as it came: a frame or mapping with the column
        `columns[0]` (or one column only), a Series or list, or one value alone.

        Raises:
            UserError: several columns, none of them that one.
        """
        return in_column(given, self.columns[0])

    def request(self, values: Sequence[Any]) -> dict[str, list[Any]]:
        """The columns of a request for these samples: what `values` takes apart."""
        return {self.columns[0]: list(values)}

    @abstractmethod
    def example(self, stored: np.ndarray[Any, Any], packing: P) -> Any:
        """One row of the arrays as a value of a request: nearly the sample that it was packed from."""

    @abstractmethod
    def to_sample(self, value: Any) -> bytes:
        """One value of a request -> the bytes of a sample.

        Raises:
            ValueError: it is none; one line.
        """

    @abstractmethod
    def stored(self, data: bytes, packing: P) -> np.ndarray[Any, Any]:
        """One sample as a row of the arrays.

        Raises:
            ValueError: it cannot be read; one line.
        """

    def row_of(self, value: Any, packing: P) -> np.ndarray[Any, Any]:
        """One value of a request as a row of the arrays.

        Raises:
            ValueError, TypeError: it is none; one line.
        """
        return self.stored(self.to_sample(value), packing)

    @abstractmethod
    def show(self, stored: np.ndarray[Any, Any], packing: P, size: int = 64) -> str:
        """One row of the arrays as safe HTML that stands alone. size: of its longer side, in pixels."""

    def sheet(self, rows: Sequence[np.ndarray[Any, Any]], packing: P, columns: int) -> str:
        """Several rows as safe HTML, at most `columns` side by side; `beside` where fewer can be read."""
        shown = "".join(f'<div style="overflow:hidden">{self.show(row, packing)}</div>' for row in rows)
        style = (
            f"display:grid;grid-template-columns:repeat({min(columns, self.beside)},minmax(0,1fr));gap:4px"
        )
        return f'<div style="{style}">{shown}</div>'


def in_column(given: Any, column: str) -> list[Any]:
    """The values in a column of a request; see Modality.values."""
    if hasattr(given, "columns") or isinstance(given, Mapping):
        names = list(given)
        if column not in names and len(names) != 1:
            raise UserError("column-missing", f"a column {column!r} is required, got columns {names}")
        given = given[column if column in names else names[0]]
    return [given] if isinstance(given, str | bytes | bytearray | memoryview) else list(given)
