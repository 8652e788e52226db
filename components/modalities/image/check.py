"""Is this an image that training can use? Decodes it as packing will, and adds the recipe's limits."""

import struct
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from PIL.Image import Image

from components.modalities.image.config import ImageLimits
from components.modalities.image.file import ImageError, Picture, opened, picture, quiet

T = TypeVar("T")
CHUNK, CHECKSUM = struct.Struct(">I4s"), struct.Struct(">I")  # how a chunk of a PNG begins, and ends


class Examined(NamedTuple, Generic[T]):
    """reason: see check_images. seen: what was made of a good image."""

    reason: str | None
    seen: T | None = None


def check_images(batch: Sequence[bytes], limits: ImageLimits) -> list[str | None]:
    """Why an image belongs in quarantine, or None where it is good: of each of a batch, in order. Never raises.

    The reason is "kind" or "kind: detail"; the kind is one of empty, too large a file, not an image, too many
    pixels, too small, truncated, unreadable, HEIC needs ..., AVIF needs .... Of several frames the first is looked at;
    any mode and size within the limits is good. Runs on several threads where decoding, not Python, takes the time.

    Silences Pillow's warnings meanwhile (components.modalities.image.file.quiet): call this from one thread at a time.
    """
    return [one.reason for one in examine(batch, limits, lambda image, found: None)]


def examine(
    batch: Sequence[bytes], limits: ImageLimits, look: Callable[[Image, Picture], T]
) -> "list[Examined[T]]":
    """check_images, and of each good image what `look` makes of it while it is decoded: the image as opened, and as
    components.modalities.image.file.picture gives it."""

    def one(data: bytes) -> Examined[T]:
        return _examined(data, limits, look)

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
    if not data:
        return Examined("empty")
    if len(data) > limits.max_bytes:
        return Examined(f"too large a file: {len(data)} bytes, allowed {limits.max_bytes}")
    try:
        with opened(data, limits.max_pixels) as image:
            width, height = image.size
            if min(width, height) < limits.min_side:
                return Examined(f"too small: {width} x {height}, needed {limits.min_side} on each side")
            seen = look(image, picture(image))
        if image.format == "PNG" and (wrong := png_damage(data)):  # decoding reads no checksum
            return Examined(f"unreadable: {wrong}")
    except ImageError as error:
        return Examined(str(error))
    return Examined(None, seen)
