"""A history in a page: its last items as text."""

import html
from datetime import UTC, datetime

from components.arrays import Doubles
from components.modalities.events.config import EventsPacking
from components.modalities.events.serve import name_of

SHOWN = 8  # events


def snippet(stored: Doubles, packing: EventsPacking, size: int) -> str:
    """The number of events and the last of them, the newest first, escaped. size: width by 4, in pixels."""
    names = [name_of(int(number), packing) for number in stored[::-1][:SHOWN, 0].tolist()]
    listed = "".join(f"<li>{html.escape(name[:60])}</li>" for name in names)
    span = f"{said(stored[0, 1])} to {said(stored[-1, 1])}" if len(stored) else ""
    return (
        f'<div style="width:{4 * size}px;max-width:100%;font:11px/14px sans-serif;overflow:hidden">'
        f"<b>{len(stored):,} events</b> {html.escape(span)}, newest first:"
        f'<ol style="margin:0;padding-left:2em">{listed}</ol></div>'
    )


def said(moment: float) -> str:
    """A time as a person reads it: a date where it looks like seconds since 1970."""
    if 1e8 < moment < 1e11:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")
    return f"{moment:.10g}"
