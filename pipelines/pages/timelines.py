"""Charts of what changes from delivery to delivery and from model to model. Each returns a data URI.

Letters: n places in time, K classes or bins.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from pipelines.pages.charts import ACCENT, COLOURS, QUIET, SECOND, drawing, uri

Values = Sequence[float | None]


def tests(names: Sequence[str], p: Sequence[float], level: float) -> str:
    """p-values [n] of deliveries, oldest first, as bars of -log10 p beside the level's."""
    with drawing(4.6, 2.6) as (figure, axes):
        heights = -np.log10(np.asarray(p, dtype=np.float64))
        colours = [SECOND if value <= level else ACCENT for value in p]
        axes.bar(range(len(names)), np.maximum(heights, 0.02), width=0.6, color=colours)
        axes.axhline(-np.log10(level), color=QUIET, linewidth=1, linestyle="--", label=f"level {level:g}")
        axes.set_xticks(range(len(names)), [_short(name) for name in names], rotation=20, ha="right")
        axes.set_ylabel("-log10 p")
        axes.set_title("features of new deliveries against old samples", loc="left", fontsize=9)
        axes.legend(loc="best", fontsize=7)
        return uri(figure)


def lines(series: Mapping[str, Values], title: str, log: bool = False) -> str:
    """name -> [n] values over time, None where there is none."""
    with drawing(4.6, 2.6) as (figure, axes):
        for (name, values), colour in zip(series.items(), COLOURS, strict=False):
            known = [(place, value) for place, value in enumerate(values) if value is not None]
            if known:
                axes.plot(*zip(*known, strict=True), color=colour, marker="o", markersize=3.5, label=name)
        if log:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("run, the champion's last")
        axes.set_title(title, loc="left", fontsize=9)
        axes.legend(loc="best", fontsize=7)
        return uri(figure)


def mixes(names: Sequence[str], shares: Mapping[str, Sequence[float]], title: str) -> str:
    """who -> shares [K] of the classes `names`, side by side; the first one is what is compared with."""
    with drawing(max(4.6, 0.55 * len(names) + 1), 2.6) as (figure, axes):
        width = 0.8 / max(1, len(shares))
        for k, (who, values) in enumerate(shares.items()):
            places = np.arange(len(names)) + (k - (len(shares) - 1) / 2) * width
            colour = QUIET if k == 0 else COLOURS[(k - 1) % len(COLOURS)]
            axes.bar(places, values, width=width, color=colour, label=_short(who))
        axes.set_xticks(range(len(names)), [_short(name) for name in names], rotation=20, ha="right")
        axes.set_ylabel("share")
        axes.set_title(title, loc="left", fontsize=9)
        axes.legend(loc="best", fontsize=7)
        return uri(figure)


def histograms(
    counts: Mapping[str, Sequence[int]],
    title: str,
    of: str = "confidence",
    span: tuple[float, float] = (0.0, 1.0),
) -> str:
    """who -> counts [K] in K equal bins of `span`, as shares; the first one is what is compared with. of: what is
    counted."""
    with drawing(4.6, 2.6) as (figure, axes):
        for k, (who, values) in enumerate(counts.items()):
            share = np.asarray(values, dtype=np.float64) / max(1, sum(values))
            edges = np.linspace(*span, len(values) + 1)
            colour = QUIET if k == 0 else COLOURS[(k - 1) % len(COLOURS)]
            axes.stairs(
                share, edges, color=colour, fill=k == 0, alpha=0.5 if k == 0 else 1, label=_short(who)
            )
        axes.set_xlabel(of)
        axes.set_ylabel("share of samples")
        axes.set_title(title, loc="left", fontsize=9)
        axes.legend(loc="upper left", fontsize=7)
        return uri(figure)


def spans(made: Sequence[tuple[str, float, float, str]], title: str) -> str:
    """A bar from its begin to its end, in seconds, for each (name, began, ended, text beside it), the first on top."""
    with drawing(7.2, 0.7 + 0.3 * len(made)) as (figure, axes):
        for place, (_, began, ended, text) in enumerate(made):
            axes.barh(place, ended - began, left=began, height=0.6, color=COLOURS[place % len(COLOURS)])
            axes.annotate(
                text, (ended, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7
            )
        axes.set_yticks(range(len(made)), [name for name, *_ in made])
        axes.invert_yaxis()
        axes.set_xlabel("seconds since the stage began")
        axes.set_title(title, loc="left", fontsize=9)
        return uri(figure)


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"
