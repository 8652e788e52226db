"""The results file: one JSON line for each cell that has been measured.

Letters: M test images.
"""

import base64
import json
import os
import zlib
from pathlib import Path

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from benchmarks.unseen.image_set import Flags, Half
from benchmarks.unseen.plan import Cell, Labels
from components.arrays import Ints
from components.config import Config, explain
from components.errors import UserError
from components.files import locked

FILE = "results.jsonl"
MODEL = "model"
"""Column of the product's registered model."""


class Line(Config):
    """One cell: the product, what stands beside it, and every prediction on the test images."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """Image set."""
    half: Half
    """Half of the battery."""
    labels: Labels
    """Labels a class."""
    draw: int
    """Number of the draw of labels."""
    code: str
    """Label of the code that was measured; a cell is measured once for each."""
    commit: str
    """Commit of the checkout."""
    finished: float
    """Unix time."""
    error: str | None = None
    """Why the product gave no model; all below is then empty."""
    tests: str = ""
    """Packed [M]: numbers of the test images in the inbox, rising. Of near-duplicates one is a test image."""
    truth: str = ""
    """Packed [M]: classes of the test images."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Predicted classes [M], packed, by column."""
    own: dict[str, float] = Field(default_factory=dict)
    """Accuracies that the product's evaluation gives of its own candidates (alone, probe, scratch, ...)."""
    seconds: float = 0.0
    """Wall time of `selfsup run`."""
    column_seconds: dict[str, float] = Field(default_factory=dict)
    """Wall time of each column beside the product."""
    promoted: bool = False
    """Whether the gate made the model champion."""
    reason: str = ""
    """What the gate gives as the reason."""
    failed: tuple[str, ...] = ()
    """Names of the gate's checks that failed."""
    policy: str | None = None
    """Policy of views that the product chose."""

    @property
    def cell(self) -> Cell:
        return Cell(self.name, self.labels, self.draw)

    def right(self, column: str) -> Flags:
        """[M] whether each test image was predicted right."""
        return np.asarray(unpack(self.columns[column]) == unpack(self.truth))

    def accuracies(self) -> dict[str, float]:
        """Of every column, then of the product's own candidates as `own NAME`."""
        found = {column: float(self.right(column).mean()) for column in self.columns}
        return found | {f"own {name}": value for name, value in self.own.items()}


def pack(values: Ints) -> str:
    """int32 values, compressed, as text."""
    return base64.b64encode(zlib.compress(np.asarray(values, dtype="<i4").tobytes())).decode()


def unpack(text: str) -> Ints:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<i4").astype(np.int64)


def append(file: Path, line: Config) -> None:
    """On the disk when this returns. What a kill tore off before stays a line of its own."""
    with locked(file.with_suffix(".lock")), file.open("a+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        torn = size > 0 and os.pread(stream.fileno(), 1, size - 1) != b"\n"
        stream.write((b"\n" if torn else b"") + line.model_dump_json().encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def read(file: Path) -> list[Line]:
    """The newest line of each cell and code, in the order of the file; a line torn by a kill is left out.

    Raises:
        UserError: a line is not one of this benchmark's.
    """
    newest: dict[tuple[str, Cell], Line] = {}
    for number, text in enumerate(file.read_bytes().splitlines() if file.exists() else [], 1):
        try:
            line = Line.model_validate(json.loads(text))
        except json.JSONDecodeError:
            continue
        except ValidationError as error:
            where = f"{file}, line {number}"
            raise UserError(
                "result-line-invalid", f"{explain(error, where)}; move the file away to begin a new one"
            ) from None
        newest.pop((line.code, line.cell), None)
        newest[line.code, line.cell] = line
    return list(newest.values())


def done(lines: list[Line], code: str) -> set[Cell]:
    """Cells that need not be measured again with this code; one that ended in an error is tried again."""
    return {line.cell for line in lines if line.code == code and line.error is None}
