"""Values of requests as histories."""

import json
from typing import Any

from components.arrays import Doubles
from components.modalities.events.config import FIRST, EventsPacking
from components.modalities.events.decode import encode, events_of

COLUMN = "history"
UNKNOWN_ITEM = "(unknown item)"  # of an example, where the name is not kept


def to_sample(value: Any) -> bytes:
    """A history -> the bytes of a sample.

    value: a list of [item, time] or [item, time, kind], or the same as JSON.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, str | bytes | bytearray | memoryview):
        text = value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(
                f'a history as JSON, such as [["item", 1700000000]], is required, got {text[:60]!r}'
            ) from None
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise ValueError(f"a history as a list of [item, time] is required, got {type(value).__name__}")
    return encode(events_of([_listed(one) for one in value]))


def to_value(stored: Doubles, packing: EventsPacking) -> str:
    """[n, 2] -> JSON of lists [item, time]."""
    events = [[name_of(int(number), packing), time] for number, time in stored.tolist()]
    return json.dumps(events, ensure_ascii=False)


def name_of(number: int, packing: EventsPacking) -> str:
    """The name of an item by its number."""
    return packing.items[number - FIRST] if number >= FIRST else UNKNOWN_ITEM


def _listed(one: Any) -> Any:
    return one.tolist() if hasattr(one, "tolist") else one
