"""Values of requests as images: encoded bytes, base64, arrays."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.arrays import Pixels
from components.modalities.base import in_column
from components.modalities.image import kept
from components.modalities.image.config import ImagePacking
from components.modalities.image.file import deep, quiet
from components.modalities.image.pack import decode, fitted

COLUMN = "image"


def images_of(given: Any, channels: int) -> list[Any]:
    """The images of a request, each as it came.

    Args:
        given: a frame or mapping with column `image` (or one column only), a Series or list of images, one array
            [N, ...] of several, or one image alone. An image: encoded bytes, base64, or an array [H, W], [H, W, C],
            [C, S, S]. channels: of the model; tell an image of several channels from several grey images.

    Raises:
        UserError: several columns, none of them `image`.
    """
    if isinstance(given, np.ndarray) and given.dtype != object and not isinstance(given, Mapping):
        colour = given.ndim == 3 and (given.shape[2] in (1, 3, channels) or given.shape[0] == channels)
        return [given] if given.ndim == 2 or colour else list(given)
    return in_column(given, COLUMN)


def raw(image: Any) -> Any:
    """Base64 and nested lists, in which JSON holds bytes and arrays, as what they stand for; all else as it is."""
    if isinstance(image, str):
        try:
            return base64.b64decode("".join(image.split()), validate=True)
        except ValueError:
            return image  # refused by name below
    if isinstance(image, list):
        try:
            values = np.asarray(image)
        except ValueError:
            return image  # rows of different length
        whole = values.dtype.kind in "iu" and values.size and values.min() >= 0 and values.max() <= 255
        return values.astype(np.uint8) if whole else values
    return image


def encoded(image: Any) -> bytes:
    """Encoded bytes of an image of a request.

    Raises:
        TypeError: it is none.
    """
    image = raw(image)
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8:
            raise TypeError(f"encoded bytes or a uint8 array required, got an array of {image.dtype}")
        return encode_png(image)
    if not isinstance(image, bytes | bytearray | memoryview):
        raise TypeError(f"encoded bytes or a uint8 array required, got {type(image).__name__}")
    return bytes(image)


def decoded(data: bytes, packing: ImagePacking) -> NDArray[Any]:
    """[C, S, S] of an encoded image, as it is stored.

    Raises:
        ValueError: it cannot be decoded, or its values are none of the stored type.
    """
    if packing.scale is None:
        return decode(data, packing.config)
    with quiet():
        return kept.as_kind(kept.square(data, packing.config), packing.kind)


def pixels_of(image: Any, packing: ImagePacking) -> NDArray[Any]:
    """[C, S, S] of an image of a request, as it is stored.

    Raises:
        ValueError, TypeError: it is none, or cannot be decoded.
    """
    image = raw(image)
    if packing.scale is not None:
        return decoded(encode_npy(image) if isinstance(image, np.ndarray) else encoded(image), packing)
    if isinstance(image, np.ndarray):
        if image.dtype == np.uint8 and image.shape == (packing.channels, packing.size, packing.size):
            return image
        if image.ndim == 2 and image.dtype != np.uint8 and packing.range is not None:
            return fitted(deep(image), packing.config).pixels
    return decode(encoded(image), packing.config)


def encode_npy(image: NDArray[Any]) -> bytes:
    """The bytes of an .npy file of an array."""
    out = io.BytesIO()
    np.save(out, image, allow_pickle=False)
    return out.getvalue()


def encode_png(image: Pixels) -> bytes:
    """PNG bytes of a uint8 array [H, W], [H, W, 3] or channels first [1 or 3, H, W]."""
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[2] not in (1, 3):
        image = image.transpose(1, 2, 0)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(out, format="PNG")
    return out.getvalue()
