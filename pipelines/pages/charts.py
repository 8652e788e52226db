"""Charts as inline images, in one quiet style. Each function draws one chart and returns its data URI.

Letters: n points, K classes.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib

matplotlib.use("Agg")  # a stage has no screen
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

INK, QUIET, ACCENT, SECOND = "#1f2933", "#9aa5b1", "#2563eb", "#d97706"
STYLE = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": QUIET,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.grid": True, "grid.color": "#e4e7eb",
    "grid.linewidth": 0.6, "axes.axisbelow": True, "legend.frameon": False, "figure.dpi": 110,
}  # fmt: skip
COLOURS: tuple[str, ...] = tuple(
    [
        "#4e79a7",
        "#f28e2b",
        "#e15759",
        "#76b7b2",
        "#59a14f",
        "#edc948",
        "#b07aa1",
        "#ff9da7",
        "#9c755f",
        "#8c8c8c",
    ]
)

Array = NDArray[np.float64]


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(width, height))
        try:
            yield figure, axes
        finally:
            plt.close(figure)


def uri(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", bbox_inches="tight")
    return data_uri(stream.getvalue())


def data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def curve(
    steps: Sequence[float], values: Sequence[float], name: str, levels: Sequence[tuple[float, str]] = ()
) -> str:
    """One figure over training steps. levels: to compare with, each with its name; "collapsed" stands out."""
    with drawing(3.7, 2.3) as (figure, axes):
        axes.plot(steps, values, color=ACCENT, linewidth=1.4, marker="." if len(values) < 40 else None)
        for value, label in levels:
            colour = SECOND if label == "collapsed" else QUIET
            axes.axhline(value, color=colour, linewidth=1, linestyle="--", label=label)
        if levels:
            axes.legend(loc="best")
        axes.set_title(name, loc="left", fontsize=9, color=INK)
        axes.set_xlabel("step")
        return uri(figure)


def bars(
    names: Sequence[str],
    values: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    label: str = "accuracy on the test samples, 95 % interval",
) -> str:
    """Figures of at most 1 with their intervals; the first one is ours. label: what they are."""
    with drawing(6.2, 0.42 * len(names) + 0.7) as (figure, axes):
        place = np.arange(len(names))[::-1]
        centre = np.asarray(values)
        error = np.stack([centre - np.asarray(low), np.asarray(high) - centre])
        colours = [ACCENT, *[QUIET] * (len(names) - 1)]
        axes.barh(place, centre, height=0.62, color=colours)
        axes.errorbar(centre, place, xerr=error, fmt="none", ecolor=INK, elinewidth=1, capsize=3)
        for y, value, end in zip(place, values, high, strict=True):
            axes.text(end + 0.008, y, f"{value:.3f}", va="center", fontsize=9, color=INK)
        axes.set_yticks(place, list(names))
        axes.set_xlim(0, min(1.08, max(high) + 0.09))
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(label)
        return uri(figure)


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """counts [K][K], rows = truth; coloured by the share of the row."""
    table = np.asarray(counts, dtype=float)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    side = min(9.0, 1.6 + 0.45 * len(classes))
    with drawing(side, side) as (figure, axes):
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        axes.grid(visible=False)
        if len(classes) <= 20:
            for i, j in np.ndindex(*share.shape):
                if table[i, j]:
                    ink = "white" if share[i, j] > 0.5 else INK
                    axes.text(j, i, f"{int(table[i, j])}", ha="center", va="center", fontsize=7, color=ink)
            axes.set_xticks(range(len(classes)), list(classes), rotation=45, ha="right")
            axes.set_yticks(range(len(classes)), list(classes))
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        return uri(figure)


def reliability(confidence: Sequence[float], accuracy: Sequence[float], share: Sequence[float]) -> str:
    """Accuracy against confidence of the bins that hold samples; the grey bars are each bin's share."""
    with drawing(3.7, 3.2) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--", label="perfect")
        axes.bar(confidence, share, width=0.04, color="#cbd2d9", label="share of samples")
        axes.plot(
            confidence, accuracy, color=ACCENT, marker="o", markersize=3.5, linewidth=1.4, label="model"
        )
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("confidence")
        axes.set_ylabel("accuracy")
        axes.legend(fontsize=7)
        return uri(figure)


def coverage(lines: dict[str, tuple[Array, Array]]) -> str:
    """name -> (share kept, share right among the kept), the most confident samples first."""
    with drawing(4.6, 2.9) as (figure, axes):
        for (name, (kept, right)), colour in zip(lines.items(), (ACCENT, SECOND, QUIET), strict=False):
            axes.plot(kept, right, color=colour, linewidth=1.4, label=name)
        axes.set_xlabel("share of the unlabelled training samples kept")
        axes.set_ylabel("share right")
        axes.legend()
        return uri(figure)
