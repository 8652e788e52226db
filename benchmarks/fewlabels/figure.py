"""docs/few-labels.png: accuracy by number of labels, a panel a data set."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.fewlabels.verdict import ORDER, Results, Row, accuracy, unpack

LEAST = 2  # numbers of labels at which a line is measured, and seeds of a point
SHOWN = ("supervised", "fixmatch", "LabelSpreading", "logistic regression", "SVC")  # the page has the others


def lines(results: Results, name: str) -> dict[str, list[tuple[int, float, float]]]:
    """What is drawn of a data set: label -> (place of the number of labels, mean, deviation over seeds)."""
    found: dict[str, dict[int, tuple[int, float, float]]] = {}
    for (other, labels), groups in results.cells.items():
        for (start, _, method), group in groups.items():
            plain = method.replace(" (scikit-learn)", "")
            if other != name or len(group) < LEAST or plain not in SHOWN:
                continue
            spread = 100 * float(np.std([unpack(row["right"]).mean() for row in group.values()], ddof=1))
            point = ORDER[labels], accuracy(group), spread
            label = f"{plain}, {start}"
            best = found.setdefault(label, {}).get(ORDER[labels])
            if best is None or point[1] > best[1]:  # of several numbers of steps
                found[label][ORDER[labels]] = point
    return {label: sorted(points.values()) for label, points in found.items() if len(points) >= LEAST}


def draw(rows: list[Row], file: Path) -> None:
    results = Results(rows)
    names = dict.fromkeys(cell[0] for cell in results.cells)
    every = {name: found for name in names if (found := lines(results, name))}
    colours = {label: f"C{i}" for i, label in enumerate(sorted(set().union(*every.values())))}
    figure = Figure(figsize=(5 * max(len(every), 1), 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = np.atleast_1d(figure.subplots(1, max(len(every), 1)))
    for axes, (name, found) in zip(panels, every.items(), strict=False):
        for label, points in found.items():
            ours = label.endswith(("scratch", "pretrained"))
            places, means, spreads = zip(*points, strict=True)
            axes.errorbar(
                places, means, spreads, label=label, color=colours[label], capsize=2, marker="o",
                linestyle="-" if ours else ":",
            )  # fmt: skip
        axes.set_title(name)
        axes.set_xticks(list(ORDER.values()), list(ORDER))
        axes.set_xlabel("labels")
        axes.set_ylabel("accuracy, %")
        axes.grid(alpha=0.3)
    handles = {
        label: line
        for axes in figure.axes
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=5, fontsize=8)
    figure.savefig(file, dpi=110)
