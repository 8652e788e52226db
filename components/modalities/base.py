"""What every kind of data is: the interface through which stages, objectives and methods reach it.

A sample is bytes. Packing turns all samples once into memory-mapped arrays and a `Packing`: what training and serving
must know of them (statistics, vocabulary, columns). A row of these arrays becomes a view, one tensor, which is all
that encoders and objectives see.

Letters: N samples, B samples of a batch, T tokens of the longest of a batch, F columns of a table.
Views: image [B, C, S, S] float in [0, 1]; text [B, T] int64, 0 is padding; table [B, F] float32, NaN is missing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from components.arrays import Ints
from components.config import Config
from components.errors import UserError


class Packing(Config):
    """What training and serving must know of the packed samples. `name`: of the modality, as in its Config."""

    name: str


class Packed(ABC):
    """Packed samples in use. rows: [M] int64, their places in the arrays."""

    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)

    @abstractmethod
    def gather(self, index: Tensor, *, pin: bool = False) -> Tensor:
        """The samples at `index` [B] int64 (positions in rows), in the order asked for, as they are stored.

        pin: into page-locked memory, for a GPU.
        """

    @abstractmethod
    def select(self, rows: Ints) -> "Packed":
        """The same arrays with other rows in use; `rows` are places in the arrays."""


@dataclass
class Written:
    """What `pack` wrote.

    files: names of the arrays in the folder, by the name that `open` knows them by. samples: N, their rows.
    unreadable: position among the samples given -> reason, for those that have no row. found: what was found of the
    samples while they were packed (range, vocabulary, columns), as far as `packing` needs it.
    notes: what a person should know of it, a line each.
    """

    files: dict[str, str]
    samples: int = 0
    unreadable: dict[int, str] = field(default_factory=dict)
    found: Any = None
    notes: list[str] = field(default_factory=list)


class TableSample(NamedTuple):
    """One row of a delivered table. label, source: "" where there is none."""

    name: str
    data: bytes
    label: str = ""
    source: str = ""


class Reader(ABC):
    """What of an inbox is a sample of this kind, and what is wrong with one.

    wanted: the end of "put there ...", for a person whose inbox has none. suffixes: of files that are one sample each,
    in small letters with the dot.
    """

    wanted: str
    plural: str
    suffixes: frozenset[str] = frozenset()

    def begins_like(self, head: bytes) -> bool:
        """Whether the first bytes of a file whose suffix says nothing are those of a sample."""
        return False

    @abstractmethod
    def is_table(self, path: str, columns: set[str]) -> bool:
        """Whether a table with these columns (in small letters) holds samples, a row each; label files apart."""

    @abstractmethod
    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        """The samples of such a table, in order. One without a name is called DELIVERY#ROW, from 0.

        Raises:
            ValueError: the file cannot be read to its end; one line for a person.
        """

    @abstractmethod
    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        """Why each sample of a batch belongs in quarantine ("kind" or "kind: detail"), or None. Never raises."""


V = TypeVar("V", bound=Config)


@dataclass(frozen=True)
class Views(Generic[V]):
    """Options of the views of one policy. weak: for samples whose class is learnt or guessed. strong: for those that
    must be given the same class. pretrain: for learning without labels."""

    weak: V
    strong: V
    pretrain: V


C = TypeVar("C", bound=Config)
P = TypeVar("P", bound=Packing)


class Modality(ABC, Generic[C, P, V]):
    """One kind of data as a recipe describes it. Holds no state but that description.

    Packing, View, Limits: the types of its records. policies: names of its policies of views, the most cautious
    first. requirements: packages that a served model of this kind needs beyond those of every model.
    columns: input columns of a served model; the first is the one that a lone value stands for.
    """

    Packing: ClassVar[type[Any]]
    View: ClassVar[type[Any]]
    Limits: ClassVar[type[Any]]
    policies: ClassVar[tuple[str, ...]]
    requirements: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: C) -> None:
        self.config = config

    # ingest

    @abstractmethod
    def reader(self, limits: Any) -> Reader:
        """limits: of type Limits."""

    # snapshot

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
            encoded: gives batches of samples in row order, anew at each call. A sample is bytes, or a row as `gather`
                gives it, of an earlier snapshot with the same configuration.
            total: their number. before: the packing of the recipe's last snapshot: whatever gives a stored number its
                meaning (vocabulary, columns) stays as it was, so that a trained encoder can read what comes.
            progress: called with the share done.

        Raises:
            UserError: what no single sample is to blame for; no room on the disk.
        """

    @abstractmethod
    def packing(self, written: Written, folder: Path, rows: Ints) -> P:
        """What training must know, from the arrays in `folder` and the training samples `rows`.

        Raises:
            UserError: nothing can be learnt from them.
        """

    @abstractmethod
    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> Packed:
        """Map the arrays; rows=None takes all N samples."""

    def near_duplicates(self, files: Mapping[str, Path]) -> Ints | None:
        """[N] the first row that each row is nearly the same as (its own where there is none); None: not looked for."""
        return None

    # views

    @abstractmethod
    def clean(self, stored: Tensor) -> Tensor:
        """Rows as `gather` gives them, on any device -> a view without augmentation."""

    @abstractmethod
    def augment(self, view: Tensor, how: V, packing: P, generator: torch.Generator) -> Tensor:
        """A clean view -> an augmented one of the same samples. The generator, on the CPU or the view's device, is the
        only source of chance, and no sample's view depends on another sample of the batch."""

    @abstractmethod
    def views(self, policy: str, packing: P) -> "Views[V]":
        """The views of a policy for these samples."""

    # baseline, serving, reports

    @abstractmethod
    def baseline(self, packing: P) -> Config:
        """Configuration of the encoder whose features a logistic regression of the field is fitted on."""

    @abstractmethod
    def to_sample(self, value: Any) -> bytes:
        """A value of a request (one cell of a column, or one row as a mapping) -> the bytes of a sample.

        Raises:
            ValueError: it is none; one line.
        """

    @abstractmethod
    def stored(self, data: bytes, packing: P) -> np.ndarray[Any, Any]:
        """One sample as a row of the arrays.

        Raises:
            ValueError: it cannot be read; one line.
        """

    @abstractmethod
    def collate(self, rows: Sequence[np.ndarray[Any, Any]]) -> Tensor:
        """Rows from `stored` -> what `gather` gives."""

    @abstractmethod
    def show(self, stored: np.ndarray[Any, Any], packing: P, size: int = 64) -> str:
        """One row of the arrays as safe HTML that stands alone. size: of its longer side, in pixels."""


def packing_fits(packing: Packing, name: str, what: str) -> None:
    """Raises UserError where `what` (an encoder, an objective) of modality `name` is given samples of another."""
    if packing.name != name:
        raise UserError(f"{what} takes {name} samples, these are {packing.name}; choose another for {packing.name}")
