"""Decodes an image file. Ingest's check, packing and serving call the same function, so that what the check accepts can
be decoded later.

Only the decoders in FORMATS are tried: Pillow's others start programs (EPS) or are seldom needed. The number of pixels
is read from the header before anything is decoded: a decompression bomb costs some hundred bytes, not memory.

Letters: H, W height and width in pixels.
"""

import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError, features
from PIL.ImageFile import ImageFile

from components.modalities.image.config import MAX_PIXELS

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
ORIENTATION = 0x0112  # EXIF tag
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # orientations in which height and width are exchanged
SWAPPED = {
    "16B": "16L",
    "16L": "16B",
    "16N": "16B" if sys.byteorder == "little" else "16L",
}  # order of two bytes
DEEP = "16 bits a channel are read of grey, RGB and RGBA in PNG and TIFF alone, save it as one of these"
MEDICAL = "(pip install 'selfsup[medical]')"
NEEDS = {
    "AVIF": "AVIF needs a Pillow built with it (pip install -U pillow)",
    "HEIC": "HEIC needs pillow-heif (pip install 'selfsup[heic]')",
    "DICOM": f"DICOM needs pydicom {MEDICAL}",
    "TIFF": f"TIFF needs tifffile {MEDICAL}",
    "Video": "Video needs PyAV (pip install 'selfsup[video]')",
}
MODULES = {"DICOM": "pydicom", "TIFF": "tifffile", "Video": "av"}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}  # in the first bytes of a file
AVIF_BRANDS = {b"avif", b"avis"}


class ImageError(ValueError):
    """The bytes are no image that can be used. The text is the reason: "kind" or "kind: detail"."""


class MissingDecoderError(ImageError):
    """The format is known and its decoder is not installed. The text is a kind without detail, so that counts by kind
    name the remedy."""


class Picture(NamedTuple):
    """A decoded image, upright, without transparency.

    bands: one image of mode L or RGB; of more than 8 bits a channel, an image of mode F for each channel (grey: one,
    colour: three), with its own values, NaN where a value is missing.
    limits: the lowest and highest value of the file's type, of more than 8 bits; else None.
    """

    bands: tuple[Image.Image, ...]
    limits: tuple[float, float] | None

    def values(self) -> NDArray[np.float32]:
        """[H, W] or [3, H, W], of more than 8 bits."""
        return np.stack([np.asarray(band) for band in self.bands]).squeeze(0 if len(self.bands) == 1 else ())


@contextmanager
def opened(data: bytes, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Context manager: the image with its header read and nothing decoded.

    Raises:
        ImageError: the bytes cannot be read, or whatever a decoder raised inside the block.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_formats(data)) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise ImageError(f"too many pixels: {width} x {height}, allowed {max_pixels}")
            yield image
    except (ImageError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"too many pixels: {line_of(error)}") from None
    except UnidentifiedImageError:
        raise ImageError("not an image") from None
    except Exception as error:  # decoders raise nearly anything: OSError, SyntaxError, struct.error
        kind = "truncated" if "truncated" in str(error).lower() else "unreadable"
        raise ImageError(f"{kind}: {line_of(error)}") from None


def picture(image: Image.Image) -> Picture:
    """Decode an opened image to the end: turned upright by its EXIF orientation, transparency on white.

    Raises:
        ImageError: every value is missing. Call it inside `opened`, which turns the errors of decoders into this.
    """
    values = _sixteen_bits(image) if _is_deep_colour(image) else None
    image.load()
    turn = UPRIGHT.get(_orientation(image))
    if values is not None:
        found = deep(values)
        return found if turn is None else found._replace(bands=tuple(b.transpose(turn) for b in found.bands))
    upright = image if turn is None else image.transpose(turn)
    if not is_deep(upright):
        return Picture((_eight_bits(upright),), None)
    return deep(np.asarray(upright))


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width that an opened image has when it is turned upright."""
    width, height = image.size
    return (width, height) if _orientation(image) in SIDEWAYS else (height, width)


def _sixteen_bits(image: Image.Image) -> NDArray[np.float32]:
    """Values [H, W] or [H, W, 3] of an opened image of 16 bits a channel in colour or with transparency, on white.

    Pillow gives one byte of each value: the upper one, and the lower one where it is told the other order of bytes.

    Raises:
        ImageError: it is of a kind for which that is not so.
    """
    assert isinstance(image, ImageFile)
    raw = [_raw_mode(tile) for tile in image.tile]
    if image.format == "PNG" and raw == ["LA;16B"]:  # four bytes a pixel, as RGBA has
        pairs = np.asarray(_decoded_as(image, {"LA;16B": "RGBA"})).astype(np.float32)
        return _on_white(pairs[..., ::2] * 256 + pairs[..., 1::2])[..., 0]
    if image.mode not in ("RGB", "RGBA") or not all(name.endswith(tuple(SWAPPED)) for name in raw):
        raise ImageError(f"{DEEP}: it is {image.format} of kind {raw[0] if raw else image.mode}")
    swapped = {name: name[:-3] + SWAPPED[name[-3:]] for name in raw}
    upper, lower = (np.asarray(_decoded_as(image, names)).astype(np.float32) for names in ({}, swapped))
    return _on_white(upper * 256 + lower)


def _decoded_as(image: ImageFile, names: dict[str, str]) -> Image.Image:
    """The image decoded anew from its bytes, with other raw modes of Pillow."""
    assert isinstance(image.fp, io.BytesIO)
    again = Image.open(io.BytesIO(image.fp.getvalue()), formats=(str(image.format),))
    assert isinstance(again, ImageFile)
    again.tile = [
        tile._replace(args=_renamed(tile.args, names.get(raw, raw)))
        for tile, raw in ((tile, _raw_mode(tile)) for tile in again.tile)
    ]
    try:
        again.load()
    except ValueError as error:
        raise ImageError(f"{DEEP}: {line_of(error)}") from None
    return again


def _raw_mode(tile: Any) -> str:
    """How Pillow reads the bytes of a part of an opened image: "RGB;16B"."""
    args = tile.args
    return str(args[0]) if isinstance(args, tuple) and args else str(args)


def _renamed(args: Any, raw: str) -> Any:
    return (raw, *args[1:]) if isinstance(args, tuple) else raw


def _on_white(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """[H, W, C] or, with transparency last, [H, W, C + 1] of 16 bits -> [H, W, C]."""
    if values.shape[-1] not in (2, 4):
        return values
    share = values[..., -1:] / np.float32(65535)
    white: NDArray[np.float32] = 65535 * (1 - share)
    return values[..., :-1] * share + white


def deep(values: NDArray[Any]) -> Picture:
    """Values [H, W] or [H, W, 3] of more than 8 bits as a picture; what is not finite is missing.

    Raises:
        ImageError: every value is missing.
    """
    floats = values.astype(np.float32)
    floats[~np.isfinite(floats)] = np.nan
    if np.isnan(floats).all():
        raise ImageError("unreadable: every pixel is NaN or infinite")
    bands = [floats] if floats.ndim == 2 else np.moveaxis(floats, -1, 0)
    whole = values.ndim == 3 or values.dtype.kind != "f"
    return Picture(tuple(map(Image.fromarray, bands)), (0.0, 65535.0 if whole else 1.0))


def is_deep(image: Image.Image) -> bool:
    """Whether an image has more than 8 bits: grey integers of 16 or 32 bits, floats, or, where it is opened and not
    decoded, colour of 16 bits a channel."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16") or _is_deep_colour(image)


def _is_deep_colour(image: Image.Image) -> bool:
    """Of an opened image that is not decoded: whether Pillow would read colour by its upper bytes alone."""
    tiles = getattr(image, "tile", ())
    if image.format == "PPM" and image.mode == "RGB":
        return any(isinstance(tile.args, tuple) and tile.args[-1] > 255 for tile in tiles)
    return any(";16" in _raw_mode(tile) for tile in tiles) and not image.mode.startswith(("I", "F"))


def ends(values: NDArray[np.float32]) -> tuple[float, float]:
    """The range of values [H, W] or [3, H, W] without the 0.1 % at either end (hot and dead pixels), without NaN."""
    low, high = np.nanquantile(values, (0.001, 0.999))
    return float(low), float(high)


def stretched(image: Image.Image, limits: tuple[float, float]) -> tuple[Image.Image, float]:
    """Mode F to mode L: `limits` to 0 and 255, linear, clipped. NaN becomes the mean of the values that are there.

    Returns: the image, and the share of its values outside the limits.
    """
    values = np.asarray(image, dtype=np.float64)
    missing = np.isnan(values)
    if missing.any():
        values = np.where(missing, values[~missing].mean(), values)
    low, high = limits
    levels = np.rint((values - low) * (255 / max(high - low, 1e-12)))
    outside = float(((values < low) | (values > high)).mean())
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)), outside


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings (bombs, odd metadata). Python's filters are the whole process's, so enter it from one
    thread at a time."""
    log = logging.getLogger("PIL")
    level = log.level
    try:
        log.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _orientation(image: Image.Image) -> Any:
    """The EXIF orientation, read alone: other tags may be malformed, and nothing here needs them."""
    if not image.info and image.format in (
        "PNG",
        "BMP",
        "PPM",
    ):  # their only place for it; getexif takes 4 us
        return 1
    try:
        value = image.getexif().get(ORIENTATION, 1)
        return value if isinstance(value, int) else 1
    except Exception:  # a malformed EXIF block raises nearly anything; the pixels are good without it
        return 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey or RGB of 8 bits without transparency."""
    if image.mode == "LAB":  # which Pillow converts by colour profile only
        turn = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        turned = ImageCms.applyTransform(image, turn)
        assert turned is not None
        return turned
    if image.has_transparency_data:
        straight = image.convert("LA") if image.mode == "La" else image
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, straight.convert("RGBA")).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


def is_heif_or_avif(head: bytes) -> bool:
    """Whether a file begins as HEIC or AVIF files do."""
    return bool(_brands(head) & (HEIF_BRANDS | AVIF_BRANDS))


def _brands(data: bytes) -> set[bytes]:
    """What a file of the ISO base media format calls itself; nothing of any other file."""
    if data[4:8] != b"ftyp":
        return set()
    size = min(int.from_bytes(data[:4], "big"), 256)
    return {data[at : at + 4] for at in range(8, size, 4)}


def _formats(data: bytes) -> tuple[str, ...]:
    """The decoders to try; HEIC and AVIF only for bytes that begin as such a file does."""
    brands = _brands(data)
    if brands & AVIF_BRANDS:
        if not has_decoder("AVIF"):
            raise MissingDecoderError(NEEDS["AVIF"])
        return ("AVIF",)
    if brands & HEIF_BRANDS:
        if not has_decoder("HEIC"):
            raise MissingDecoderError(NEEDS["HEIC"])
        return ("HEIF",)
    return FORMATS


def has_decoder(name: str) -> bool:
    """Whether what a format of NEEDS needs is installed."""
    if name in MODULES:
        return find_spec(MODULES[name]) is not None
    return bool(features.check("avif")) if name == "AVIF" else _registers_heif()


@cache
def _registers_heif() -> bool:
    """Give Pillow the decoder of the optional package pillow-heif; False where that is not installed."""
    try:
        import pillow_heif  # optional, and 0.1 s that only HEIC files need
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def line_of(error: BaseException) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
