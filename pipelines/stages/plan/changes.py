"""What is new in a snapshot since another: samples, labels, and test samples that were trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.data.table import Table


@dataclass(frozen=True)
class Seen:
    """A snapshot's table and the names of its classes, to which the labels are indices; none where they are numbers.
    masks: row -> mask as text, where labels are masks."""

    table: Table
    classes: Sequence[str]
    masks: Mapping[int, str] | None = None

    def labels(self) -> dict[str, str | float]:
        """id -> class, number or mask, of every labelled sample, those for testing included."""
        rows = np.flatnonzero(self.table.label >= 0)
        ids = self.table.ids[rows].tolist()
        if self.table.target is not None:
            return dict(zip(ids, self.table.target[rows].tolist(), strict=True))
        if self.masks is not None:
            return {id: self.masks[row] for id, row in zip(ids, rows.tolist(), strict=True)}
        return {
            id: self.classes[number] for id, number in zip(ids, self.table.label[rows].tolist(), strict=True)
        }


def new_rows(now: Table, trained: Table) -> NDArray[np.int64]:
    """[n] rows of `now` that may be trained on and that no training on `trained` has seen, ascending."""
    rows = now.train_rows()
    fresh: NDArray[np.int64] = rows[~np.isin(now.ids[rows], trained.ids[trained.train_rows()])]
    return fresh


def changed_labels(now: Seen, then: Seen) -> int:
    """How many samples have a label now that they had not then: new, corrected or withdrawn ones."""
    one, other = now.labels(), then.labels()
    return sum(one.get(id) != other.get(id) for id in one.keys() | other.keys())


def spoiled(now: Table, trained: Sequence[Table]) -> int:
    """How many test samples of `now` lie among what was trained on, in any of these snapshots."""
    tests = now.ids[now.split == "test"]
    seen = np.concatenate([table.ids[table.train_rows()] for table in trained])
    return int(np.isin(tests, seen).sum())
