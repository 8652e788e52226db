"""Values of a request as texts."""

from collections.abc import Mapping
from typing import Any


def to_sample(value: Any, column: str) -> bytes:
    """Text or bytes, or a row that has one in `column` -> the bytes of a sample.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Mapping):
        if column not in value:
            raise ValueError(f"a row needs a column {column}, got {', '.join(map(str, value))[:100]}")
        value = value[column]
    if isinstance(value, str):
        return value.encode(errors="replace")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise ValueError(f"a text is needed, as text or bytes, got {type(value).__name__}")
