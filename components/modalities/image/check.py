"""Is this an image that training can use? Decodes it as packing will, and adds the recipe's limits."""

import struct
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from PIL.Image import Image

from components.modalities.image.config import ImageConfig, ImageLimits
from components.modalities.image.file import ImageError, Picture, opened, picture, quiet
from components.modalities.image.values import Values, as_picture, is_array, read

T = TypeVar("T")
PNG = b"\x89PNG\r\n\x1a\n"
CHUNK, CHECKSUM = struct.Struct(">I4s"), struct.Struct(">I")  # how a chunk of a PNG begins, and ends


class Examined(NamedTuple, Generic[T]):
    """reason: see check_images. seen: what was made of a good image."""

    reason: str | None
    seen: T | None = None


def check_images(
    batch: Sequence[bytes], limits: ImageLimits, config: ImageConfig | None = None
) -> list[str | None]:
    """Why an image belongs in quarantine, or None where it is good: of each of a batch, in order. Never raises.

    The reason is "kind" or "kind: detail"; the kind is one of empty, too large a file, not an image, too many
    pixels, too small, truncated, unreadable, HEIC needs ..., AVIF needs ...; of DICOM also no pixel data, burnt-in
    annotation, DICOM of ... needs .... Of several frames the first is looked at; any mode and size within the limits is
    good. Runs on several threads where decoding, not Python, takes the time.

    config: of a recipe; where it keeps values (ImageConfig.kept), other channels than its own are a reason, too.

    Silences Pillow's warnings meanwhile (components.modalities.image.file.quiet): call this from one thread at a time.
    """
    if config is not None and config.kept:
        return [one.reason for one in examine_values(batch, limits, config.channels, lambda values: None)]
    return [one.reason for one in examine(batch, limits, lambda image, found: None)]


def examine(
    batch: Sequence[bytes], limits: ImageLimits, look: Callable[[Image, Picture], T]
) -> "list[Examined[T]]":
    """check_images, and of each good image what `look` makes of it while it is decoded: the image as opened, and as
    components.modalities.image.file.picture gives it."""

    return _each(batch, lambda data: _examined(data, limits, look))


def examine_values(
    batch: Sequence[bytes], limits: ImageLimits, channels: int, look: Callable[[Values], T]
) -> "list[Examined[T]]":
    """The same for a recipe that keeps values, of C channels. look: at the values [C, H, W] of a good image."""
    return _each(batch, lambda data: _examined_values(data, limits, channels, look))


def _each(batch: Sequence[bytes], one: "Callable[[bytes], Examined[T]]") -> "list[Examined[T]]":
    with quiet():
        if sum(map(len, batch)) < 16 * 1024 * len(batch):
            return [one(data) for data in batch]
        with ThreadPoolExecutor() as pool:
            return list(pool.map(one, batch))


def png_damage(data: bytes) -> str | None:
    """What is wrong with the checksums of a PNG's chunks, or None; a quarter of the time of Pillow's verify()."""
    place, last, whole = 8, len(data) - 12, memoryview(data)
    while place <= last:
        size, kind = CHUNK.unpack_from(data, place)
        end = place + 8 + size
        if end > last + 8 or zlib.crc32(whole[place + 4 : end]) != CHECKSUM.unpack_from(data, end)[0]:
            return f"broken PNG file (bad checksum in {kind!r})"
        if kind == b"IEND":
            return None
        place = end + 4
    return "broken PNG file (no end)"


def _examined(data: bytes, limits: ImageLimits, look: Callable[[Image, Picture], T]) -> Examined[T]:
    if wrong := _by_length(data, limits):
        return Examined(wrong)
    try:
        if is_array(data):
            found = as_picture(data, limits.max_pixels, limits.burnt_in)
            wrong = _too_small(*found.bands[0].size, limits)
            return Examined(wrong) if wrong else Examined(None, look(found.bands[0], found))
        with opened(data, limits.max_pixels) as image:
            if wrong := _too_small(*image.size, limits):
                return Examined(wrong)
            seen = look(image, picture(image))
        if image.format == "PNG" and (wrong := png_damage(data)):  # decoding reads no checksum
            return Examined(f"unreadable: {wrong}")
    except ImageError as error:
        return Examined(str(error))
    return Examined(None, seen)


def _examined_values(
    data: bytes, limits: ImageLimits, channels: int, look: Callable[[Values], T]
) -> Examined[T]:
    if wrong := _by_length(data, limits):
        return Examined(wrong)
    try:
        values = read(data, channels, limits.max_pixels, limits.burnt_in)
        if wrong := _too_small(values.shape[2], values.shape[1], limits):
            return Examined(wrong)
        seen = look(values)
    except ImageError as error:
        return Examined(str(error))
    if data.startswith(PNG) and (wrong := png_damage(data)):
        return Examined(f"unreadable: {wrong}")
    return Examined(None, seen)


def _by_length(data: bytes, limits: ImageLimits) -> str | None:
    if not data:
        return "empty"
    over = len(data) > limits.max_bytes
    return f"too large a file: {len(data)} bytes, allowed {limits.max_bytes}" if over else None


def _too_small(width: int, height: int, limits: ImageLimits) -> str | None:
    small = min(width, height) < limits.min_side
    return f"too small: {width} x {height}, needed {limits.min_side} on each side" if small else None
