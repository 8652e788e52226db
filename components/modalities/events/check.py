"""Is this a history that training can use? Decodes it as packing will, and adds the recipe's limits."""

from collections.abc import Sequence

from components.modalities.events.config import EventsLimits
from components.modalities.events.decode import NotEvents, decode


def check_events(batch: Sequence[bytes], limits: EventsLimits) -> list[str | None]:
    """Why a history belongs in quarantine, or None where it is good: of each of a batch, in order. Never raises.

    The reason is "kind" or "kind: detail"; the kind is one of empty, too large, not a history, no events, no item, no
    time, too short, too long.
    """
    return [_reason(data, limits) for data in batch]


def _reason(data: bytes, limits: EventsLimits) -> str | None:
    if len(data) > limits.max_bytes:
        return f"too large: {len(data)} bytes, allowed {limits.max_bytes}"
    try:
        count = len(decode(data))
    except NotEvents as error:
        return str(error)
    if count > limits.max_events:
        return f"too long: {count} events, allowed {limits.max_events} (ingest.limits.max_events)"
    return f"too short: {count} events, needed {limits.min_events}" if count < limits.min_events else None
