"""The timeline of a run: when each stage was made, and in fine-tuning which candidate was trained when and what it
bought in accuracy on held-out labels."""

import time
from typing import Any

from pipelines.engine.context import read_metrics
from pipelines.pages import timelines
from pipelines.pages.sources import Sources
from pipelines.pages.wording import percent
from pipelines.registry.candidate_times import DISTILLED, VIEWS, Span, read
from pipelines.registry.candidates import COMMITTEE, TOLD

NAMES = {**TOLD, VIEWS: "choice of views", DISTILLED: "the student of what is served"}


def section(sources: Sources) -> dict[str, Any]:
    """timeline: a row a candidate, in the order in which they ended; timeline_chart. Both empty where the times were
    not kept."""
    made = read(read_metrics(sources.context.store / sources.references["finetune"]))
    found = rows(made, sources.outputs["finetune"].get("portfolio"))
    return {"timeline": found, "timeline_chart": chart(made) if made else ""}


def rows(made: list[Span], portfolio: dict[str, Any] | None) -> list[dict[str, str]]:
    """began, ended, seconds: as text. bought: the accuracy, and what that is above the best of those before it."""
    best: float | None = None
    found = []
    for span in made:
        row = {"name": NAMES[span.name], "bought": bought(span.accuracy, best)}
        row |= {key: f"{getattr(span, key):.1f}" for key in ("began", "ended", "seconds")}
        found.append(row)
        best = max((value for value in (best, span.accuracy) if value is not None), default=None)
    if made and portfolio and portfolio["served"] == COMMITTEE:
        row = dict.fromkeys(("began", "ended", "seconds"), "")
        found.append({**row, "name": "their mean", "bought": bought(portfolio["accuracy"], best)})
    return found


def bought(accuracy: float | None, before: float | None) -> str:
    """.6 after .55: "60.0 %, 5.0 points more than the best before it"."""
    if accuracy is None:
        return ""
    if before is None:
        return f"{percent(accuracy)}, the first"
    gain = 100 * (accuracy - before)
    if abs(gain) < 0.05:
        return f"{percent(accuracy)}, as much as the best before it"
    return f"{percent(accuracy)}, {abs(gain):.1f} points {'more' if gain > 0 else 'less'} than the best before it"


def chart(made: list[Span]) -> str:
    known = [
        (NAMES[s.name], s.began, s.ended, "" if s.accuracy is None else percent(s.accuracy)) for s in made
    ]
    return timelines.spans(known, "fine-tuning: what was trained when, and its share of held-out labels")


def began(started: float) -> str:
    """Unix time as a date and a time of day, UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(started))
