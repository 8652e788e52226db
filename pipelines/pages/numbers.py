"""Charts of predicted numbers; each function draws one and returns its data URI.

Letters: n samples.
"""

import numpy as np

from pipelines.pages.charts import ACCENT, INK, QUIET, Array, drawing, uri

MOST = 3000  # points that are drawn


def scatter(truth: Array, predicted: Array, half: float | None) -> str:
    """truth, predicted: [n]. half: half the width of the interval, drawn as a band; None: none."""
    with drawing(4.6, 4.2) as (figure, axes):
        step = max(1, len(truth) // MOST)
        ends = np.array([min(truth.min(), predicted.min()), max(truth.max(), predicted.max())])
        if half is not None:
            axes.fill_between(ends, ends - half, ends + half, color=QUIET, alpha=0.2, linewidth=0)
        axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--")
        axes.scatter(truth[::step], predicted[::step], s=6, color=ACCENT, alpha=0.6, linewidths=0)
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")
        return uri(figure)


def errors(residuals: Array) -> str:
    """Histogram of predicted less true [n]."""
    with drawing(3.7, 3.2) as (figure, axes):
        axes.hist(residuals, bins=40, color=ACCENT)
        axes.axvline(0, color=INK, linewidth=1, linestyle="--")
        axes.set_xlabel("predicted less true")
        axes.set_ylabel("samples")
        return uri(figure)
