"""Packs images whose values of more than 8 bits are stored as they are.

The array has the type of the first samples, or that of the recipe's first snapshot. A later sample of another type is
stored where its values can be represented exactly, and left out with its reason where they cannot. In views the values
of each channel are scaled to [0, 1] and clipped: by the recipe's range or window, else by what the first samples have.

Letters: N samples, C channels, S side in pixels, H, W height and width of a file.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.arrays import Floats, Ints, write_header
from components.cores import available
from components.errors import UserError
from components.files import enough_room
from components.modalities.image.config import ImageConfig, Kind
from components.modalities.image.file import ImageError, MissingDecoderError, opened, picture, quiet
from components.modalities.image.pack import CHUNK, PackedImages, fitted
from components.modalities.image.values import TIFF, Values, filled, is_array, of_channels, of_picture, read

KINDS: tuple[Kind, ...] = get_args(Kind)
FIRST = 256  # samples that the scale is found in, at most
ENDS = (0.001, 0.999)  # quantiles that become 0 and 1 where the recipe names no values
FLAT = 1e-6  # standard deviation, of values in [0, 1], below which a channel is constant

Scale = tuple[tuple[float, float], ...]


def square(data: bytes, config: ImageConfig) -> Values:
    """[C, S, S] of an encoded image in a type of its own. Grey and colour of 8 bits as components.modalities.image.pack
    has them; of others each channel is resampled by itself.

    Raises:
        ImageError: it cannot be read, or has other channels.
    """
    if config.channels in (1, 3) and not is_array(data) and not data.startswith(TIFF):
        with opened(data) as image:
            image.draft(None, (2 * config.size, 2 * config.size))  # a large JPEG need not be decoded in full
            found = picture(image)
        if found.limits is None:
            return fitted(found, config).pixels
        return cut(of_channels(filled(of_picture(found)), config.channels), config.size)
    return cut(read(data, config.channels), config.size)


def cut(values: Values, side: int) -> Values:
    """[C, H, W] -> [C, S, S] of the same type: the short side fitted and the centre cut out, in one resampling; as it
    is where it has that size."""
    height, width = values.shape[1:]
    if height == width == side:
        return np.ascontiguousarray(values)
    short = min(height, width)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)
    fitted_channels = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(channel, np.float32)).resize(
                (side, side), Image.Resampling.BICUBIC, box=box
            )
        )
        for channel in values
    ]
    out: Floats = np.stack(fitted_channels)
    if values.dtype.kind not in "iu":
        return out.astype(values.dtype)
    info = np.iinfo(values.dtype)
    return np.clip(np.rint(out), info.min, info.max).astype(values.dtype)


def common_kind(kinds: Iterable[np.dtype[Any]]) -> Kind:
    """The smallest type that holds the values of all of these: uint16 and int16 -> float32."""
    found = np.result_type(*kinds).name
    return next((kind for kind in KINDS if kind == found), "float32")


def as_kind(values: Values, kind: Kind) -> Values:
    """The same values in a type.

    Raises:
        ImageError: it cannot represent them exactly.
    """
    if values.dtype == kind:
        return values
    with np.errstate(all="ignore"):
        turned = values.astype(kind)
        if np.can_cast(values.dtype, kind) or np.array_equal(turned.astype(values.dtype), values):
            return turned
    raise ImageError(
        f"values: {values.dtype} from {values.min():g} to {values.max():g} are no {kind}, the type of the recipe's "
        "first samples"
    )


def pack(
    encoded: Iterable[Sequence[Any]],
    total: int,
    config: ImageConfig,
    file: Path,
    *,
    kind: Kind | None = None,
    workers: int = 0,
    progress: Callable[[float], None] = lambda done: None,
) -> tuple[PackedImages, Kind]:
    """Decode every sample once into an .npy [N, C, S, S]; see components.modalities.image.pack.pack. kind: type of the
    array, found in the first batch with a good sample where it is None.

    Returns: what was written, and the type.

    Raises:
        UserError: a decoder is not installed, or no room on the disk.
    """
    shape = (total, config.channels, config.size, config.size)
    made, seen = PackedImages(), 0
    with file.open("wb") as out, ThreadPoolExecutor(workers or available()) as pool, quiet():
        for batch in encoded:
            results = list(pool.map(partial(_attempt, config=config), batch))
            good = [one.dtype for one in results if not isinstance(one, str)]
            if kind is None and good:
                kind = common_kind(good)
            if kind is not None and not made.samples:
                enough_room(file.parent, int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize)
                write_header(out, np.dtype(kind).type, shape)
            for place, one in enumerate(results):
                turned = _turned(one, kind)
                if isinstance(turned, str):
                    made.unreadable[seen + place] = turned
                else:
                    out.write(turned.tobytes())
                    made.samples += 1
            seen += len(batch)
            progress(seen / total)
        kind = kind or "uint8"
        write_header(out, np.dtype(kind).type, (made.samples, *shape[1:]))
    assert seen == total, f"{total} samples announced, {seen} came"
    return made, kind


def scale_of(images: Values, config: ImageConfig) -> Scale:
    """Values that become 0 and 1 in views, of each channel of an array [N, C, S, S]: the recipe's, 0 and 255 of bytes,
    else all but .1 % at either end of the first 256
    samples (of fewer where they are large)."""
    channels = images.shape[1]
    if config.ends is not None:
        return tuple(config.ends for _ in range(channels))
    if images.dtype == np.uint8 or not len(images):
        return tuple((0.0, 255.0) for _ in range(channels))
    first = images[: max(1, min(FIRST, CHUNK // (4 * images[0, 0].size)))]
    found = [np.quantile(first[:, channel].astype(np.float32), ENDS) for channel in range(channels)]
    return tuple((float(low), float(high) if high > low else float(low) + 1.0) for low, high in found)


def levels(stored: Values, scale: Scale) -> Floats:
    """Rows [..., C, S, S] in [0, 1]."""
    low, high = np.array(scale, np.float32).T[..., None, None]
    found: Floats = np.clip((stored.astype(np.float32) - low) / (high - low), 0, 1)
    return found


def statistics(images: Values, rows: Ints, scale: Scale) -> tuple[list[float], list[float]]:
    """Mean and std of each channel, of values in [0, 1] as views have them, over some rows of an array [N, C, S, S].
    The std of a constant channel is given as 1.

    Raises:
        UserError: every channel is constant.
    """
    total = np.zeros((2, images.shape[1]))
    step = max(1, CHUNK // (4 * images[:1].size))
    for start in range(0, len(rows), step):
        part = levels(images[rows[start : start + step]], scale).astype(np.float64)
        total += np.stack([part.sum((0, 2, 3)), np.square(part).sum((0, 2, 3))])
    mean, square_mean = total / max(1, len(rows) * images.shape[2] * images.shape[3])
    std = np.sqrt(np.maximum(square_mean - mean**2, 0))
    if len(rows) and (std < FLAT).all():
        raise UserError(
            "samples-all-alike",
            f"all {len(rows)} training samples have one value in each channel ({', '.join(f'{m:.3g}' for m in mean)} "
            "of the range from 0 to 1): samples that differ are required; look at the files in the inbox, and at "
            "modality.range or modality.window where the recipe has one",
        )
    return [float(m) for m in mean], [float(s) if s >= FLAT else 1.0 for s in std]


def _attempt(data: bytes | NDArray[Any], config: ImageConfig) -> Values | str:
    """The decoded sample, or the reason why there is none."""
    if isinstance(data, np.ndarray):
        return data
    try:
        return square(data, config)
    except MissingDecoderError as error:
        raise UserError("package-missing", f"{error}; install it and run again") from None
    except ImageError as error:
        return str(error)


def _turned(one: Values | str, kind: Kind | None) -> Values | str:
    if isinstance(one, str) or kind is None:
        return str(one)
    try:
        return as_kind(one, kind)
    except ImageError as error:
        return str(error)
