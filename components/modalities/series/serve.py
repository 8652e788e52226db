"""Values of requests as series."""

import json
from typing import Any

import numpy as np

from components.modalities.series.decode import MAGIC, Axes, encode, plain

COLUMN = "series"


def to_sample(value: Any, axes: Axes) -> bytes:
    """A series -> the bytes of a sample.

    value: an array or nested lists with the axes that the recipe says, [T] or [T, C], None for a gap; the same as JSON;
    or the bytes of an .npy file.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, bytes | bytearray | memoryview) and bytes(value[: len(MAGIC)]) == MAGIC:
        return bytes(value)
    if isinstance(value, str | bytes | bytearray | memoryview):
        text = value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
        try:
            value = json.loads(text)
        except ValueError:
            raise ValueError(f"a series as JSON lists of numbers is required, got {text[:60]!r}") from None
    if not isinstance(value, list | tuple | np.ndarray):
        raise ValueError(f"a series as an array or lists of numbers is required, got {type(value).__name__}")
    try:
        array = value if isinstance(value, np.ndarray) and value.dtype != object else _numbers(value)
    except (TypeError, ValueError):
        raise ValueError(
            "a series of numbers is required, all channels of one length, None for a gap; got something else"
        ) from None
    return encode(plain(array, axes), axes)


def to_value(values: np.ndarray[Any, Any], axes: Axes) -> list[list[float | None]]:
    """[T, C] -> nested lists in the order of `axes`, None for a gap."""
    shown = values.T if axes == "channels_first" else values
    return [[None if np.isnan(one) else float(one) for one in row] for row in shown]


def _numbers(value: Any) -> np.ndarray[Any, Any]:
    """Of nested lists, or of an object array of them, as frames hold them."""
    listed = value.tolist() if isinstance(value, np.ndarray) else list(value)
    listed = [one.tolist() if isinstance(one, np.ndarray) else one for one in listed]
    return np.array(listed, dtype=np.float64)  # None becomes NaN
