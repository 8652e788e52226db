"""A row in a page: its first columns as a small table."""

from datetime import datetime, timedelta
from html import escape

import numpy as np

from components.arrays import Floats
from components.modalities.table.config import FIRST, OTHER, Feature, TablePacking

COLUMNS = 6
LONGEST = 40  # characters of a name or a value


def show_row(stored: Floats, packing: TablePacking, size: int = 64) -> str:
    """One packed row [F] as an HTML table of its first six columns, each value as it was packed.

    size: height in pixels, from which that of the text follows.
    """
    features = [(place, feature) for place, feature in enumerate(packing.features) if feature.part == "value"]
    cells = "".join(
        f"<tr><th>{_short(feature.column)}</th><td>{_short(cell(stored[place], feature, packing))}</td></tr>"
        for place, feature in features[:COLUMNS]
    )
    more = len(features) - COLUMNS
    rest = f'<tr><td colspan="2">and {more} more</td></tr>' if more > 0 else ""
    style = f"font-size:{max(9, size // 6)}px;text-align:left;border-spacing:4px 0"
    return f'<table class="row" style="{style}">{cells}{rest}</table>'


def texts(stored: Floats, packing: TablePacking) -> dict[str, str | None]:
    """One packed row [F] as text by column, as its table would hold it; constant columns are None."""
    out: dict[str, str | None] = {column.name: None for column in packing.columns}
    for value, feature in zip(stored, packing.features, strict=True):
        if feature.part == "value":
            out[feature.column] = cell(value, feature, packing) or None
    return out


def cell(value: float, feature: Feature, packing: TablePacking) -> str:
    """The text of a packed value, in the style of its column; "" where it is missing. Times are right to 3 minutes."""
    if np.isnan(value):
        return ""
    if feature.categories is not None:
        code = int(value)
        return "other" if code == OTHER else feature.categories[code - FIRST]
    column = next(column for column in packing.columns if column.name == feature.column)
    if column.kind == "date":
        moment = datetime(1970, 1, 1) + timedelta(minutes=round(float(value) * 1440))
        return (
            str(moment).removesuffix(" 00:00:00")
            if column.style == "ISO8601"
            else moment.strftime(column.style)
        )
    return f"{value:.7g}".replace(".", column.style)


def _short(text: str) -> str:
    return escape(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")
