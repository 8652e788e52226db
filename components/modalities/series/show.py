"""A series in a page: a line for each channel, as an SVG that stands alone.

Letters: C channels, T time steps.
"""

import numpy as np

from components.arrays import Floats

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
LINES = 6  # channels that are drawn
POINTS = 240  # of a line; longer series show the lowest and highest value of each part


def sparkline(values: Floats, mean: Floats, std: Floats, width: int, height: int) -> str:
    """[T, C] as an SVG of the first six channels, each in units of the data's deviation from the data's mean.

    A gap is a gap in the line.
    """
    shown = (values[:, :LINES] - mean[:LINES]) / std[:LINES]
    low, high = (
        (float(np.nanmin(shown)), float(np.nanmax(shown))) if not np.isnan(shown).all() else (0.0, 1.0)
    )
    if high <= low:
        low, high = low - 1, high + 1
    lines = "".join(
        _line(shown[:, place], low, high, width, height, COLOURS[place % len(COLOURS)])
        for place in range(shown.shape[1])
    )
    more = values.shape[1] - shown.shape[1]
    steps = f"{len(values):,} steps" + (f", {more} more channels" if more > 0 else "")
    return (
        f'<svg class="series" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'style="background:#fafafa;max-width:100%"><title>{steps}</title>{lines}</svg>'
    )


def _line(values: Floats, low: float, high: float, width: int, height: int, colour: str) -> str:
    where, level = thinned(values)
    x = where / max(1, len(values) - 1) * (width - 2) + 1
    y = (high - level) / (high - low) * (height - 4) + 2
    parts, part = list[list[str]](), list[str]()
    for one, other in zip(x.tolist(), y.tolist(), strict=True):
        if np.isnan(other):
            parts, part = [*parts, part], []
        else:
            part.append(f"{one:.1f},{other:.1f}")
    drawn = (p if len(p) > 1 else p * 2 for p in [*parts, part] if p)  # a point alone is a dot
    return "".join(
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1"'
        ' stroke-linecap="round"/>'
        for points in drawn
    )


def thinned(values: Floats) -> tuple[Floats, Floats]:
    """Places and values of the points that are drawn: all, or of each of 120 parts the lowest and the highest, in
    order."""
    if len(values) <= POINTS:
        return np.arange(len(values), dtype=np.float32), values
    chosen = list[int]()
    for part in np.array_split(np.arange(len(values)), POINTS // 2):
        own = values[part]
        chosen += (
            [int(part[0])]
            if np.isnan(own).all()
            else sorted({int(part[np.nanargmin(own)]), int(part[np.nanargmax(own)])})
        )
    places = np.array(chosen)
    return places.astype(np.float32), values[places]
