"""The table of what the battery measured.

Letters: M test images, R draws.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from pathlib import Path
from statistics import mean

import numpy as np

from benchmarks.unseen.beside import SIMPLE
from benchmarks.unseen.image_set import Half
from benchmarks.unseen.lines import MODEL, Line, unpack
from benchmarks.unseen.plan import Labels
from benchmarks.unseen.sets import SETS
from components.evaluation.classification.bootstrap import Interval, paired_difference

NOTES = Path(__file__).with_name("notes.md")
RESAMPLES = 10_000
HEAD = (
    "set", "half", "labels a class", "draws", "model", "rank", "best simple baseline", "margin, points",
    "best in hindsight", "distance, points", "seconds", "gate", "code",
)  # fmt: skip
MEANS = (
    "half", "labels a class", "sets", "model", "margin, points", "better / undecided / worse", "worst margin, points",
    "distance, points", "rank", "seconds", "promoted",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One set with one number of labels; figures are means over its draws."""

    name: str
    half: Half
    labels: Labels
    code: str
    draws: int
    accuracy: dict[str, float]
    """By column, of those that every draw has."""
    simple: str
    """The simple baseline with the highest accuracy."""
    margin: Interval
    """Accuracy of the model less that of `simple`, over test images, these draws given."""
    hindsight: str
    """The column beside the model with the highest accuracy."""
    seconds: float
    promoted: int
    failed: tuple[str, ...]
    """Names of the gate's checks that failed, in any draw."""

    @property
    def model(self) -> float:
        return self.accuracy[MODEL]

    @property
    def distance(self) -> float:
        """Accuracy of the model less that of the best column beside it."""
        return self.model - self.accuracy[self.hindsight]

    @property
    def rank(self) -> int:
        """1: no column is better than the model."""
        return 1 + sum(value > self.model for value in self.accuracy.values())


def rows(lines: Sequence[Line]) -> list[Row]:
    """A row for each set and number of labels, of the code that was measured there last; failed cells are left out."""
    newest: dict[tuple[str, Labels], str] = {}
    for line in lines:
        newest[line.name, line.labels] = line.code
    kept = [line for line in lines if line.error is None and newest[line.name, line.labels] == line.code]
    kept.sort(key=_order)
    return [_row(list(group)) for _, group in groupby(kept, key=lambda line: (line.name, line.labels))]


def results(lines: Sequence[Line], code: str | None = None) -> str:
    """Markdown: a row for each set and number of labels, means by half and number of labels, failures, commits.

    code: the label that is shown; None is for each cell the one that was measured last.
    """
    lines = [line for line in lines if code is None or line.code == code]
    found = rows(lines)
    if not found:
        return "\n".join(["no cell has been measured", *_failed(lines)])
    worst = min(found, key=lambda row: row.margin.value)
    body = [_cells(row, bold=row is worst) for row in found]
    parts = [
        _markdown(HEAD, body),
        _markdown(MEANS, _means(found)),
        "\n".join(_failed(lines)),
        _commits(lines, found),
    ]
    return "\n\n".join(part for part in parts if part)


def page(lines: Sequence[Line], code: str | None = None) -> str:
    """docs/unseen.md."""
    return f"{NOTES.read_text(encoding='utf-8').rstrip()}\n\n{results(lines, code)}\n"


def _row(group: list[Line]) -> Row:
    """group: R lines of one set, number of labels and code."""
    each = [line.accuracies() for line in group]
    accuracy = {
        column: mean(one[column] for one in each) for column in each[0] if all(column in one for one in each)
    }
    simple = max((column for column in SIMPLE if column in accuracy), key=lambda column: accuracy[column])
    beside = [column for column in accuracy if column != MODEL]
    first = group[0]
    return Row(
        name=first.name,
        half=first.half,
        labels=first.labels,
        code=first.code,
        draws=len(group),
        accuracy=accuracy,
        simple=simple,
        margin=margin(group, simple),
        hindsight=max(beside, key=lambda column: accuracy[column]),
        seconds=mean(line.seconds for line in group),
        promoted=sum(line.promoted for line in group),
        failed=tuple(dict.fromkeys(name for line in group for name in line.failed)),
    )


def margin(group: Sequence[Line], column: str) -> Interval:
    """Accuracy of the model less that of a column over test images that all draws have: paired bootstrap of each
    image's mean over the draws."""
    common = reduce(np.intersect1d, (unpack(line.tests) for line in group))

    def right(name: str) -> np.ndarray:
        parts = [line.right(name)[np.isin(unpack(line.tests), common)] for line in group]
        return np.asarray(np.mean(parts, axis=0))

    return paired_difference(right(MODEL), right(column), resamples=RESAMPLES)


def _order(line: Line) -> tuple[str, int, int, int]:
    """Development before final, then the sets in their order, then few labels before many."""
    return line.half, list(SETS).index(line.name), _number(line.labels), line.draw


def _cells(row: Row, bold: bool) -> tuple[str, ...]:
    points = f"{_points(row.margin.value)} [{_points(row.margin.low)}, {_points(row.margin.high)}]"
    failing = f", refused by {', '.join(row.failed)}" if row.failed else ""
    return (
        row.name,
        row.half,
        str(row.labels),
        str(row.draws),
        f"{row.model:.3f}",
        f"{row.rank} of {len(row.accuracy)}",
        f"{row.simple} {row.accuracy[row.simple]:.3f}",
        f"**{points}**" if bold else points,
        f"{row.hindsight} {row.accuracy[row.hindsight]:.3f}",
        _points(row.distance),
        f"{row.seconds:.0f}",
        f"promoted {row.promoted} of {row.draws}{failing}",
        row.code,
    )


def _means(found: Sequence[Row]) -> list[tuple[str, ...]]:
    """Sets count equally."""
    lines: list[tuple[str, ...]] = []
    for (half, labels), group in groupby(
        sorted(found, key=lambda row: (row.half, _number(row.labels))), key=lambda row: (row.half, row.labels)
    ):
        some = list(group)
        margins = [row.margin for row in some]
        better, worse = sum(m.low > 0 for m in margins), sum(m.high < 0 for m in margins)
        lines.append((
            half,
            str(labels),
            str(len(some)),
            f"{mean(row.model for row in some):.3f}",
            _points(mean(m.value for m in margins)),
            f"{better} / {len(some) - better - worse} / {worse}",
            _points(min(m.value for m in margins)),
            _points(mean(row.distance for row in some)),
            f"{mean(row.rank for row in some):.1f}",
            f"{mean(row.seconds for row in some):.0f}",
            f"{sum(row.promoted for row in some)} of {sum(row.draws for row in some)}",
        ))  # fmt: skip
    return lines


def _failed(lines: Sequence[Line]) -> list[str]:
    return [
        f"- no model: {line.cell} ({line.code}): {line.error}" for line in lines if line.error is not None
    ]


def _commits(lines: Sequence[Line], found: Sequence[Row]) -> str:
    shown = {(row.name, row.labels, row.code) for row in found}
    counted: dict[tuple[str, str], int] = {}
    for line in lines:
        if line.error is None and (line.name, line.labels, line.code) in shown:
            counted[line.commit, line.code] = counted.get((line.commit, line.code), 0) + 1
    parts = [f"{commit} ({code}, {number} cells)" for (commit, code), number in counted.items()]
    return f"Measured at commit {', '.join(parts)}."


def _number(labels: Labels) -> int:
    """By which numbers of labels are ordered; all comes last."""
    return sys.maxsize if labels == "all" else labels


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
