"""What a data set of the benchmark is, its draws of labels and the inbox that a user would have.

Letters: N samples, n labels, K classes.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.unseen.packages import Package
from components.arrays import Ints

Kind = Literal["text", "table"]
KEY = "key"  # column of the names of rows
FEWEST = 5  # labels of a class, where classes have different numbers


@dataclass(frozen=True)
class Samples:
    """columns: name -> N texts, of a text data set one, `text`. labels: [N], each below K. classes: K names. test: [N]
    bool, held out."""

    columns: dict[str, list[str]]
    labels: Ints
    classes: list[str]
    test: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> list[str]:
        """N names of the samples; their numbers, so that they give no class away."""
        return [f"s{number:06}" for number in range(len(self))]


@dataclass(frozen=True)
class DataSet:
    """One data set: where it comes from, how it is built and what is asked of it."""

    name: str
    kind: Kind
    licence: str
    packages: tuple[Package, ...]
    build: Callable[[Path], Samples]
    """build(folder of the benchmark); the same packages give the same samples."""
    task: str
    labels: int
    """n in all, or of each class where `balanced`."""
    balanced: bool
    needed: float
    """Points by which the model should be better than the best simple baseline; 0: not worse."""
    weights: bool = False
    """Whether a recipe with local weights is measured, too."""


def finished(columns: dict[str, list[str]], names: list[str], test: int, train: int | None = None) -> Samples:
    """Shuffle samples with class names and hold out the first `test`; of equal samples one stays, and none where their
    classes differ. train: how many others stay; None is all."""
    kinds: dict[tuple[str, ...], set[str]] = {}
    rows = list(zip(*columns.values(), strict=True))
    for row, name in zip(rows, names, strict=True):
        kinds.setdefault(row, set()).add(name)
    clear = [row for row, found in kinds.items() if len(found) == 1]
    order = np.random.default_rng(0).permutation(len(clear))[: None if train is None else test + train]
    chosen = [clear[place] for place in order.tolist()]
    classes = sorted(set(names))
    number = {name: place for place, name in enumerate(classes)}
    return Samples(
        columns={name: list(values) for name, values in zip(columns, zip(*chosen, strict=True), strict=True)},
        labels=np.array([number[next(iter(kinds[row]))] for row in chosen], dtype=np.int64),
        classes=classes,
        test=np.arange(len(chosen)) < test,
    )


def draw_labels(found: Samples, count: int, balanced: bool, draw: int) -> Ints:
    """Training samples that get a label, in rising order.

    balanced: `count` of each class. Else about `count` in all, each class by its share, and FEWEST at least.
    """
    train = np.flatnonzero(~found.test)
    rows = []
    for label in range(len(found.classes)):
        own = train[found.labels[train] == label]
        wanted = count if balanced else max(FEWEST, round(count * len(own) / len(train)))
        rows.append(np.random.default_rng([draw, label]).permutation(own)[:wanted])
    return np.sort(np.concatenate(rows))


def write_inbox(folder: Path, found: Samples, kind: Kind, labelled: Ints) -> None:
    """A Parquet table of texts or a CSV table of rows, and labels.csv with the columns name, label and split: of every
    test sample, and of the training samples `labelled`."""
    folder.mkdir(parents=True)
    if kind == "text":
        pq.write_table(pa.table({**found.columns, "name": found.names}), folder / "texts.parquet")
    else:
        with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow([KEY, *found.columns])
            rows.writerows(zip(found.names, *found.columns.values(), strict=True))
    given = set(labelled.tolist())
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["name", "label", "split"])
        for row, name in enumerate(found.names):
            if found.test[row] or row in given:
                split = "test" if found.test[row] else "train"
                rows.writerow([name, found.classes[int(found.labels[row])], split])
