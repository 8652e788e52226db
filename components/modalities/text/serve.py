"""Values of requests as texts."""

from typing import Any

COLUMN = "text"


def to_sample(value: Any) -> bytes:
    """Text or bytes -> the bytes of a sample.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str):
        return value.encode(errors="replace")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise ValueError(f"a text, as str or bytes, is required, got {type(value).__name__}")
