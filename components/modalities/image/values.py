"""Images as arrays of their own type: any number of channels, 16 bits, floats. Reads .npy, TIFF through tifffile, DICOM
(dicom.py), and all else through Pillow (file.py).

The channels of an array [H, W, C] or [C, H, W] are on the axis whose length is that of the recipe's channels, the first
where both are; without such an axis, grey (1) and colour (3) are read where the recipe has 1 or 3.

Letters: C channels of the recipe, c of a file, H, W height and width in pixels.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.modalities.image import dicom
from components.modalities.image.config import MAX_PIXELS
from components.modalities.image.file import (
    NEEDS,
    ImageError,
    MissingDecoderError,
    Picture,
    deep,
    has_decoder,
    line_of,
    opened,
    picture,
)

Values = NDArray[Any]
NPY = b"\x93NUMPY"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: of more than 4 GB
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
DIRECT = (
    0,
    1,
    2,
)  # photometric interpretations whose values are those of the channels: white or black is 0, RGB
ALPHA = (1, 2)  # kinds of an extra sample of a TIFF that are transparency


def is_array(data: bytes) -> bool:
    """Whether these bytes are an array that Pillow does not read: .npy or DICOM."""
    return data.startswith(NPY) or dicom.is_dicom(data)


def read(data: bytes, channels: int, max_pixels: int = MAX_PIXELS, burnt_in: bool = True) -> Values:
    """[C, H, W] of uint8, uint16, int16, float16 or float32, in the order of bytes of this machine.

    Integers of 32 or 64 bits and doubles become float32. What is not finite becomes the mean of its channel.

    Raises:
        ImageError: it cannot be read, is too large, or has other channels.
    """
    if data.startswith(NPY):
        values = channels_first(array_of(data), channels)
    elif dicom.is_dicom(data):
        values = dicom.read(data, channels, max_pixels, burnt_in)
    elif data.startswith(TIFF):
        values = tiff(data, channels, max_pixels)
    else:
        with opened(data, max_pixels) as image:
            values = of_picture(picture(image))
    height, width = values.shape[1:]
    if height * width > max_pixels:
        raise ImageError(f"too many pixels: {width} x {height}, allowed {max_pixels}")
    return of_channels(filled(plain(values)), channels)


def as_picture(data: bytes, max_pixels: int = MAX_PIXELS, burnt_in: bool = True) -> Picture:
    """An array of `is_array` as a picture of one or three channels, whose values of more than 8 bits are to be brought
    to 8.

    Raises:
        ImageError: see read.
    """
    values = np.asarray(channels_last(data, max_pixels, burnt_in))
    if values.dtype == np.uint8:
        return Picture((Image.fromarray(np.ascontiguousarray(values)),), None)
    return deep(values)


def channels_last(data: bytes, max_pixels: int, burnt_in: bool) -> Values:
    """[H, W] or [H, W, 3] of an array that is grey or in colour."""
    if data.startswith(NPY):
        first = plain(channels_first(array_of(data), 3))
    else:
        first = plain(dicom.read(data, 1, max_pixels, burnt_in))
    height, width = first.shape[1:]
    if height * width > max_pixels:
        raise ImageError(f"too many pixels: {width} x {height}, allowed {max_pixels}")
    return first[0] if len(first) == 1 else np.moveaxis(first, 0, 2)


def array_of(data: bytes) -> Values:
    """The array of an .npy file, of two or three axes. Its size is compared with its header before it is made."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, kind = header(stream)
        wanted = int(np.prod(shape, dtype=np.float64)) * kind.itemsize
        if kind.hasobject or kind.kind not in "buif":
            raise ImageError(f"not an image: an array of {kind}")
        if len(shape) not in (2, 3) or min(shape) < 1:
            raise ImageError(f"not an image: an array of shape {list(shape)}, of two or three axes needed")
        if len(data) - stream.tell() < wanted:
            raise ImageError(f"truncated: {len(data) - stream.tell()} bytes of values, {wanted} announced")
        stream.seek(0)
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
    except ImageError:
        raise
    except Exception as error:  # a hostile header raises nearly anything
        raise ImageError(f"unreadable: {line_of(error)[:200]}") from None


def channels_first(values: Values, channels: int) -> Values:
    """[H, W], [C, H, W] or [H, W, C] -> [c, H, W]; see the module."""
    if values.ndim == 2:
        return values[None]
    first, last = values.shape[0], values.shape[2]
    usual = (1, 3) if channels in (1, 3) else ()
    if first != channels and (last == channels or (first not in usual and last in usual)):
        return np.moveaxis(values, 2, 0)
    if first == channels or first in usual:
        return values
    raise ImageError(f"channels: an array of shape {list(values.shape)}, the recipe has {channels} channels")


def of_channels(values: Values, channels: int) -> Values:
    """[c, H, W] -> [C, H, W]: grey is repeated for colour, colour becomes its luma."""
    count = len(values)
    if count == channels:
        return values
    if (count, channels) == (1, 3):
        return np.repeat(values, 3, axis=0)
    if (count, channels) == (3, 1):
        luma = np.einsum("c,chw->hw", LUMA, values.astype(np.float32))[None]
        return np.asarray(np.rint(luma) if values.dtype.kind in "iu" else luma).astype(values.dtype)
    raise ImageError(f"channels: {count}, the recipe has {channels}")


def plain(values: Values) -> Values:
    """The same values in a type of ours; a bit becomes 0 or 255."""
    kind = values.dtype
    if kind.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    own = {"u1": np.uint8, "u2": np.uint16, "i1": np.int16, "i2": np.int16, "f2": np.float16}
    with np.errstate(over="ignore"):
        return values.astype(own.get(f"{kind.kind}{kind.itemsize}", np.float32), copy=False)


def filled(values: Values) -> Values:
    """[c, H, W] with the mean of its channel (of all channels where it has none) in place of what is not finite.

    Raises:
        ImageError: every value is missing.
    """
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return values
    there = np.isfinite(values)
    if not there.any():
        raise ImageError("unreadable: every pixel is NaN or infinite")
    whole = values[there].mean(dtype=np.float64)
    out = values.copy()
    for channel, known in zip(out, there, strict=True):
        channel[~known] = channel[known].mean(dtype=np.float64) if known.any() else whole
    return out


def of_picture(found: Picture) -> Values:
    """[1 or 3, H, W] of what Pillow has read: uint8, uint16, or float32."""
    if found.limits is None:
        pixels = np.asarray(found.bands[0])
        return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
    values = np.stack([np.asarray(band) for band in found.bands])
    whole = (
        found.limits[1] > 1
        and bool(np.isfinite(values).all())
        and values.min() >= 0
        and values.max() <= 65535
    )
    return np.rint(values).astype(np.uint16) if whole else values


def tiff(data: bytes, channels: int, max_pixels: int) -> Values:
    """[c, H, W] of a TIFF: its first page, or its pages where there are C of one channel each. Size and type are read
    from its header first. What tifffile gives no values of (palettes, CMYK, compression without a decoder), Pillow
    reads.

    Raises:
        ImageError: see read.
    """
    if not has_decoder("TIFF"):
        raise MissingDecoderError(NEEDS["TIFF"])
    import tifffile  # optional, and .1 s that only TIFF files need

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            pages: Sequence[Any] = file.pages
            together = pages[:channels] if _are_channels(pages, channels) else pages[:1]
            for page in together:
                _small_enough(page, max_pixels)
            if all(_is_direct(page, channels) for page in together):
                return np.concatenate([page_values(page) for page in together])
    except ImageError:
        raise
    except Exception as error:  # decoders raise nearly anything
        if "imagecodecs" not in str(error):
            kind = "truncated" if _ends_early(str(error)) else "unreadable"
            raise ImageError(f"{kind}: {line_of(error)[:200]}") from None
    return _by_pillow(data, 0, max_pixels)


def pages(data: bytes, every: int, max_pixels: int) -> Iterator[tuple[int, bytes]]:
    """Number, from 0, of each `every`-th page of a TIFF, and its values as an .npy file [H, W] or [c, H, W].

    Raises:
        ValueError: tifffile is not installed, or the file cannot be read to its end; one line.
    """
    if not has_decoder("TIFF"):
        raise ValueError(NEEDS["TIFF"])
    import tifffile  # see tiff

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            for number in range(0, len(file.pages), every):
                page = file.pages[number]
                _small_enough(page, max_pixels)
                values = page_values(page) if _is_direct(page, 3) else _by_pillow(data, number, max_pixels)
                out = io.BytesIO()
                np.save(out, values[0] if len(values) == 1 else values)
                yield number, out.getvalue()
    except ImageError:
        raise
    except Exception as error:  # decoders raise nearly anything
        raise ValueError(f"unreadable: {line_of(error)[:200]}") from None


def _by_pillow(data: bytes, number: int, max_pixels: int) -> Values:
    with opened(data, max_pixels) as image:
        image.seek(number)
        return of_picture(picture(image))


def page_values(page: Any) -> Values:
    """[c, H, W] of a page whose values are those of channels; white is high."""
    values = np.asarray(page.asarray())
    if values.shape != page.shape:
        raise ImageError("truncated: a page without all of its values")
    if page.axes == "YXS":
        values = np.moveaxis(values, 2, 0)
    elif page.axes == "YX":
        values = values[None]
    elif page.axes != "SYX":
        raise ImageError(f"not an image: a page with axes {page.axes}")
    if int(page.photometric) == 0 and values.dtype.kind == "u":
        values = np.iinfo(values.dtype).max - values
    return values


def _are_channels(pages: Sequence[Any], channels: int) -> bool:
    """Whether pages are the channels: C of one channel each, all of one size and type."""
    if channels == 1 or len(pages) != channels or pages[0].samplesperpixel != 1:
        return False
    return len({(page.shape, page.dtype) for page in pages}) == 1


def _is_direct(page: Any, channels: int) -> bool:
    """Whether the values of a page are those of its channels, without transparency where none is wanted."""
    alpha = any(int(extra) in ALPHA for extra in page.extrasamples)
    return int(page.photometric) in DIRECT and not (alpha and channels in (1, 3))


def _small_enough(page: Any, max_pixels: int) -> None:
    width, height = page.imagewidth, page.imagelength
    if width * height * page.imagedepth > max_pixels:
        raise ImageError(f"too many pixels: {width} x {height}, allowed {max_pixels}")
    if page.samplesperpixel > 64:
        raise ImageError(f"channels: {page.samplesperpixel}, 64 are read at most")


def _ends_early(text: str) -> bool:
    return any(
        word in text.lower()
        for word in ("truncated", "buffer is smaller", "cannot reshape", "failed to read")
    )
