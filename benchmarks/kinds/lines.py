"""The results file: one JSON line for each cell that has been measured.

Letters: M test samples.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from benchmarks.unseen.lines import append, pack, unpack
from components.config import Config, explain
from components.errors import UserError

FILE = "results.jsonl"
__all__ = ["FILE", "Cell", "Line", "append", "done", "pack", "read"]


class Cell(NamedTuple):
    """A row of the benchmark with one draw of labels; a cost has draws, too, of its measurement."""

    row: str
    draw: int

    def __str__(self) -> str:
        return f"{self.row}, draw {self.draw}"


class Line(Config):
    """One cell: the product in each way, what stands beside it, and every prediction on the test samples."""

    row: str
    """Data set, or cost."""
    draw: int
    """Number of the draw of labels, or of the measurement."""
    code: str
    """Label of the code that was measured; a cell is measured once for each."""
    commit: str
    """Commit of the checkout."""
    finished: float
    """Unix time."""
    tests: str = ""
    """Packed [M]: numbers of the test samples, rising."""
    truth: str = ""
    """Packed [M]: their classes."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Predicted classes [M], packed, by column."""
    wall: dict[str, float] = Field(default_factory=dict)
    """Seconds by the clock, by column."""
    cpu: dict[str, float] = Field(default_factory=dict)
    """Seconds of all processes, by column."""
    figures: dict[str, float] = Field(default_factory=dict)
    """Of a cost, by name."""
    left_out: tuple[str, ...] = ()
    """What was not measured, and why, a line each."""

    @property
    def cell(self) -> Cell:
        return Cell(self.row, self.draw)

    def right(self, column: str) -> NDArray[np.bool_]:
        """[M] whether each test sample was predicted right."""
        return np.asarray(unpack(self.columns[column]) == unpack(self.truth))

    @property
    def numbers(self) -> NDArray[np.int64]:
        """[M] of the test samples, rising."""
        return unpack(self.tests)


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
    """Cells that need not be measured again with this code."""
    return {line.cell for line in lines if line.code == code}
