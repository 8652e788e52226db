"""Bytes of a sample <-> the events of one user: a JSON list of [item, time] or [item, time, kind]."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Event(NamedTuple):
    """item: name. time: a number, such as seconds since 1970. kind: "" where there is none."""

    item: str
    time: float
    kind: str = ""


class NotEvents(ValueError):  # noqa: N818
    """Bytes that are no history; the message is the reason, "kind: detail"."""


def encode(events: Iterable[Event]) -> bytes:
    """Canonical bytes: without blanks, whole numbers without a point, kinds only where there are any; in the order
    given."""
    listed = [[e.item, _plain(e.time), *([e.kind] if e.kind else [])] for e in events]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def decode(data: bytes) -> list[Event]:
    """The events in order of time; those of one time in the order given.

    Raises:
        NotEvents: it is no such list, or holds no event.
    """
    if not data.strip():
        raise NotEvents("empty")
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        shown = data[:100].decode("utf-8", "replace").replace("\n", " ").replace("\r", " ")
        raise NotEvents(f"not a history: {shown}") from None
    return events_of(given)


def events_of(given: Any) -> list[Event]:
    """Lists [item, time, kind?] -> events, as decode.

    Raises:
        NotEvents: they are none.
    """
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise NotEvents(f"not a history: a list of [item, time] is required, got {type(given).__name__}")
    if not given:
        raise NotEvents("no events")
    events = [_event(one) for one in given]
    return sorted(events, key=lambda event: event.time)


def _event(one: Any) -> Event:
    if isinstance(one, str | bytes) or not isinstance(one, Sequence) or len(one) not in (2, 3):
        raise NotEvents(f"not a history: an event is [item, time] or [item, time, kind], got {_shown(one)}")
    item, time, kind = (*one, "") if len(one) == 2 else one
    if isinstance(item, bool) or not isinstance(item, str | int) or not str(item):
        raise NotEvents(f"no item: the name of an item is required, got {_shown(item)}")
    if isinstance(time, bool) or not isinstance(time, int | float) or not _finite(time):
        raise NotEvents(f"no time: a finite number is required, got {_shown(time)}")
    return Event(str(item), float(time), "" if kind is None else str(kind))


def _finite(time: float) -> bool:
    try:
        return math.isfinite(time)
    except OverflowError:
        return False


def _plain(time: float) -> float | int:
    return int(time) if float(time).is_integer() and abs(time) < 2**53 else time


def _shown(value: Any) -> str:
    return repr(value)[:60]
