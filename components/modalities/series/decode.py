"""Bytes of a sample <-> values [T, C]: the .npy format, read without pickle.

Source: NEP 1, "A Simple File Format for NumPy Arrays" (numpy.lib.format), versions 1.0 to 3.0.
Letters: T time steps, C channels.
"""

import io
from typing import Any, Literal

import numpy as np

from components.arrays import Floats

MAGIC = b"\x93NUMPY"
HEADER = 128  # bytes before the values in the canonical form
Axes = Literal["time_first", "channels_first"]


class NotSeries(ValueError):  # noqa: N818
    """Bytes that are no series; the message is the reason, "kind: detail"."""


def encode(values: Floats, axes: Axes = "time_first") -> bytes:
    """[T, C] -> canonical bytes: .npy version 1.0 of little-endian float32 in C order with a header of 128 bytes,
    [T, C] or [C, T] by `axes`."""
    values = values.T if axes == "channels_first" else values
    rows, columns = values.shape
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
    size = HEADER - 10
    head = MAGIC + b"\x01\x00" + size.to_bytes(2, "little") + text.ljust(size - 1).encode() + b"\n"
    return head + np.ascontiguousarray(values, dtype="<f4").tobytes()


def decode(data: bytes, axes: Axes = "time_first") -> Floats:
    """[T, C] float32 of an .npy file of numbers with one axis [T] or two; NaN is a gap.

    Raises:
        NotSeries: it is none, or holds infinite values.
    """
    shape, fortran, kind, start = _head(data)
    if len(data) - start != int(np.prod(shape)) * kind.itemsize:
        raise NotSeries(
            f"not a series: {len(data) - start} bytes of values do not make an array {list(shape)}"
        )
    values = np.frombuffer(data, kind, offset=start).reshape(shape, order="F" if fortran else "C")
    return _plain(values, axes)


def plain(values: Any, axes: Axes = "time_first") -> Floats:
    """[T, C] float32 of an array of numbers with one axis [T] or two.

    Raises:
        NotSeries: it is none, or holds infinite values.
    """
    array = np.asarray(values)
    _check(array.shape, array.dtype)
    return _plain(array, axes)


def channels_of(data: bytes, axes: Axes) -> int:
    """C, from the header alone.

    Raises:
        NotSeries: it is none.
    """
    shape, _, _, _ = _head(data)
    return 1 if len(shape) == 1 else shape[0 if axes == "channels_first" else 1]


def _head(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether in Fortran order, type, and where the values begin."""
    if not data.startswith(MAGIC):
        raise NotSeries(
            f"not a series: {data[:200].decode('utf-8', 'replace')}" if data else "not a series: empty"
        )
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, fortran, kind = read(stream)
    except ValueError as error:
        raise NotSeries(f"not a series: {str(error).splitlines()[0][:100]}") from None
    _check(shape, kind)
    return shape, fortran, kind, stream.tell()


def _check(shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
    if kind.kind not in "fiub":
        what = "objects (pickle), which are not read" if kind.kind == "O" else str(kind)
        raise NotSeries(f"not numbers: an array of {what}; save it as float32")
    if len(shape) not in (1, 2):
        raise NotSeries(
            f"not a series: an array {list(shape)}, needed [T] or [T, C]; save each series as an array"
        )


def _plain(values: np.ndarray[Any, Any], axes: Axes) -> Floats:
    if values.ndim == 1:
        values = values[:, None]
    elif axes == "channels_first":
        values = values.T
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(values, dtype=np.float32)
    if infinite := int(np.isinf(found).sum()):
        raise NotSeries(f"not finite: {infinite} infinite values; write a gap as NaN")
    return found
