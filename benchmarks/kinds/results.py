"""The table of what was measured: each data set and way, beside the best simple baseline, with a verdict; the costs.

Letters: M test samples, R draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from statistics import mean, median

import numpy as np

from benchmarks.kinds.lines import Line
from benchmarks.kinds.measure import COSTS, MILLION, TEXT_SPEED
from benchmarks.kinds.product import WAYS
from benchmarks.kinds.sets import SETS
from components.arrays import Doubles
from components.evaluation.classification.bootstrap import Interval

NOTES = Path(__file__).with_name("notes.md")
SIMPLE = ("supervised", "tf-idf logistic", "logistic", "boosting", "knn")
"""Columns of simple baselines: nothing in them learns from unlabelled samples, but how rare words are."""
PEERS = ("minilm", "tabpfn")
HEAD = (
    "data set", "labels", "way", "draws", "accuracy", "best simple baseline", "margin, points", "needed", "verdict",
    "others", "processor time, s",
)  # fmt: skip
COST_HEAD = ("cost", "figure", "median", "lowest to highest", "bound", "verdict")
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""R -> the 97.5 % quantile of Student's t with R - 1 degrees of freedom."""
BOUNDS: dict[str, tuple[tuple[str, str, float], ...]] = {
    TEXT_SPEED: (
        ("text_bag share of a bare loop", ">=", 0.9),
        ("text_bag waiting for data", "<=", 0.03),
        ("text_transformer share of a bare loop", ">=", 0.9),
        ("text_transformer waiting for data", "<=", 0.03),
    ),
    MILLION: (("seconds", "<=", 90.0), ("cpu", "<=", float("inf")), ("MB", "<=", 1000.0)),
}
"""Row of a cost -> figure, relation and bound."""


@dataclass(frozen=True)
class Row:
    """One data set in one way; figures are means over its draws. simple: the best of SIMPLE, and for the way with
    weights MiniLM, too. margin: accuracy of the model less that of `simple`."""

    name: str
    way: str
    draws: int
    accuracy: dict[str, float]
    simple: str
    margin: Interval
    cpu: float

    @property
    def verdict(self) -> str:
        needed = SETS[self.name].needed
        found = "better" if self.margin.low > 0 else "worse" if self.margin.high < 0 else "undecided"
        if not needed:
            return found
        reached = 100 * self.margin.value >= needed and self.margin.low > 0
        return f"{found}, target {'reached' if reached else 'missed'}"


def rows(lines: Sequence[Line]) -> list[Row]:
    """Of each data set the code that was measured last."""
    found = []
    for name in SETS:
        group = _newest(lines, name)
        for way in WAYS:
            some = [line for line in group if way in line.columns]
            if some:
                found.append(_row(name, way, some))
    return found


def _newest(lines: Sequence[Line], name: str) -> list[Line]:
    own = [line for line in lines if line.row == name]
    return sorted((line for line in own if line.code == own[-1].code), key=lambda line: line.draw)


def _row(name: str, way: str, group: list[Line]) -> Row:
    columns = [column for column in group[0].columns if all(column in line.columns for line in group)]
    accuracy = {column: mean(float(line.right(column).mean()) for line in group) for column in columns}
    rivals = [*SIMPLE, *(("minilm",) if way == "weights" else ())]
    simple = max((column for column in rivals if column in accuracy), key=lambda column: accuracy[column])
    return Row(
        name=name,
        way=way,
        draws=len(group),
        accuracy=accuracy,
        simple=simple,
        margin=margin(group, way, simple),
        cpu=mean(line.cpu.get(way, 0.0) for line in group),
    )


def margin(group: Sequence[Line], way: str, column: str) -> Interval:
    """Accuracy of the model less that of a column: mean over R draws, paired within each, with a 95 % interval over
    draws of labels (Student's t) and over test samples, whose variances are added."""
    common = reduce(np.intersect1d, (line.numbers for line in group))
    parts = []
    for line in group:
        kept = np.isin(line.numbers, common)
        parts.append(line.right(way)[kept].astype(np.float64) - line.right(column)[kept])
    return interval(np.stack(parts))


def interval(differences: Doubles) -> Interval:
    """[R, M] differences -> mean and 95 % interval. Of one draw, over test samples alone: the differences 1, 0, 0, -1
    have the variance 2 / 3, so the half-width is 1.96 * sqrt(2 / 3 / 4) = .80."""
    draws, tests = differences.shape
    value, square = float(differences.mean()), 0.0  # of the half-width
    if tests > 1:
        square += 1.96**2 * float(differences.mean(axis=0).var(ddof=1)) / tests
    if draws > 1:
        square += STUDENT[draws] ** 2 * float(differences.mean(axis=1).var(ddof=1)) / draws
    return Interval(value, value - square**0.5, value + square**0.5)


def results(lines: Sequence[Line], code: str | None = None) -> str:
    """Markdown. code: the label that is shown; None is for each row the one that was measured last."""
    lines = [line for line in lines if code is None or line.code == code]
    if not lines:
        return "no cell has been measured"
    found, costs = rows(lines), _costs(lines)
    parts = [
        _markdown(HEAD, [_cells(row) for row in found]) if found else "",
        _markdown(COST_HEAD, costs) if costs else "",
        "\n".join(_left_out(lines)),
        f"Measured at commit {', '.join(dict.fromkeys(f'{line.commit} ({line.code})' for line in lines))}.",
    ]
    return "\n\n".join(part for part in parts if part)


def page(lines: Sequence[Line], code: str | None = None) -> str:
    """docs/kinds/benchmark.md."""
    return f"{NOTES.read_text(encoding='utf-8').rstrip()}\n\n{results(lines, code)}\n"


def _cells(row: Row) -> tuple[str, ...]:
    one, m = SETS[row.name], row.margin
    others = [column for column in row.accuracy if column not in (row.way, row.simple)]
    return (
        row.name,
        f"{one.labels} a class" if one.balanced else str(one.labels),
        row.way,
        str(row.draws),
        f"{row.accuracy[row.way]:.3f}",
        f"{row.simple} {row.accuracy[row.simple]:.3f}",
        f"{100 * m.value:+.1f} [{100 * m.low:+.1f}, {100 * m.high:+.1f}]",
        f"{one.needed:+.0f}" if one.needed else "not worse",
        row.verdict,
        ", ".join(f"{column} {row.accuracy[column]:.3f}" for column in others if column not in WAYS),
        f"{row.cpu:.0f}",
    )


def _costs(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    shown = list[tuple[str, ...]]()
    for cost in COSTS:
        group = _newest(lines, cost)
        for figure, relation, bound in BOUNDS[cost] if group else ():
            values = [figure_of(line, figure) for line in group]
            middle = median(values)
            good = middle >= bound if relation == ">=" else middle <= bound
            shown.append((
                cost,
                figure,
                f"{middle:,.2f}",
                f"{min(values):,.2f} to {max(values):,.2f}",
                f"{relation} {bound:g}" if np.isfinite(bound) else "",
                ("reached" if good else "missed") if np.isfinite(bound) else "",
            ))  # fmt: skip
    return shown


def figure_of(line: Line, figure: str) -> float:
    """A figure by its name; of the stages of the million rows together: seconds and cpu summed, MB the larger one."""
    if line.row != MILLION:
        return line.figures[figure]
    parts = [value for name, value in line.figures.items() if name.endswith(f" {figure}")]
    return max(parts) if figure == "MB" else sum(parts)


def _left_out(lines: Sequence[Line]) -> list[str]:
    texts = dict.fromkeys(f"{line.row}: {text}" for line in lines for text in line.left_out)
    return [f"- not measured: {text}" for text in texts]


def _markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *body))
