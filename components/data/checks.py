"""Is this an image that training can use? Looks at hostile bytes without being hurt by them.

Only the decoders in FORMATS are ever tried: Pillow's others start programs (EPS) or are seldom needed. The
number of pixels is read from the header before anything is decoded: a decompression bomb costs some hundred
bytes, not memory.
"""

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError
from pydantic import Field, PositiveInt

from components.config import Config

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"})


class ImageLimits(Config):
    """What an image may measure. max_bytes: of the encoded file. max_pixels: width x height. min_side: in
    pixels.
    """

    max_bytes: PositiveInt = 32 * 1024**2
    max_pixels: int = Field(default=50_000_000, ge=1, le=89_000_000)  # above it Pillow itself objects
    min_side: PositiveInt = 4


def check_images(batch: Sequence[bytes], limits: ImageLimits) -> list[str | None]:
    """Why an image belongs in quarantine, or None where it is good: of each of a batch, in order. Never raises.

    The reason is "kind" or "kind: detail"; the kind is one of empty, too large a file, not an image, too many
    pixels, too small, truncated, unreadable. Of several frames the first is looked at; any mode and size
    within the limits is good. Runs on several threads where decoding, not Python, takes the time.

    Pillow's warnings (bombs, odd metadata) are silenced meanwhile; Python's filters are the whole process's,
    so call this from one thread at a time.
    """
    with _quiet():
        if sum(map(len, batch)) < 16 * 1024 * len(batch):
            return [_reason(data, limits) for data in batch]
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda data: _reason(data, limits), batch))


def kind_of(reason: str) -> str:
    """The part of a reason that is counted: 'too small: 1 x 1' -> 'too small'."""
    return reason.split(":", 1)[0]


@contextmanager
def _quiet() -> Iterator[None]:
    log = logging.getLogger("PIL")
    level = log.level
    try:
        log.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _reason(data: bytes, limits: ImageLimits) -> str | None:
    if not data:
        return "empty"
    if len(data) > limits.max_bytes:
        return f"too large a file: {len(data)} bytes, allowed {limits.max_bytes}"
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > limits.max_pixels:
                return f"too many pixels: {width} x {height}, allowed {limits.max_pixels}"
            if min(width, height) < limits.min_side:
                return f"too small: {width} x {height}, needed {limits.min_side} on each side"
            image.load()
        if image.format == "PNG":  # decoding looks at no checksum
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                image.verify()
    except Image.DecompressionBombError as error:
        return f"too many pixels: {error}"
    except UnidentifiedImageError:
        return "not an image"
    except Exception as error:  # decoders raise nearly anything: OSError, SyntaxError, struct.error
        return f"truncated: {error}" if "truncated" in str(error).lower() else f"unreadable: {error}"
    return None
