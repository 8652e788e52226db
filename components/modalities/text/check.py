"""Is this a text that training can use? Decodes it as packing will, and adds the recipe's limits."""

from collections.abc import Sequence

from components.modalities.text.config import TextLimits
from components.modalities.text.decode import NotText, decode


def check_texts(batch: Sequence[bytes], limits: TextLimits) -> list[str | None]:
    """Why a text belongs in quarantine, or None where it is good: of each of a batch, in order. Never raises.

    The reason is "kind" or "kind: detail"; the kind is one of empty, too large, not text, too short.
    """
    return [_reason(data, limits) for data in batch]


def _reason(data: bytes, limits: TextLimits) -> str | None:
    if len(data) > limits.max_bytes:
        return f"too large: {len(data)} bytes, allowed {limits.max_bytes}"
    try:
        count = len(decode(data).text)
    except NotText as error:
        return str(error)
    return f"too short: {count} characters, needed {limits.min_chars}" if count < limits.min_chars else None
