"""Images: encoded bytes to a square of pixels, and a whole data set to one packed array. Needs no torch.

Letters: N samples, C channels, S side in pixels, B samples of a batch.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from components.arrays import write_header
from components.cores import available
from components.errors import UserError
from components.files import enough_room
from components.modalities.image.config import ImageConfig
from components.modalities.image.file import (
    ImageError,
    MissingDecoderError,
    Picture,
    ends,
    is_deep,
    opened,
    picture,
    quiet,
    stretched,
)
from components.modalities.image.values import as_picture, is_array

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Rows = np.ndarray[Any, np.dtype[np.int64]]
CHUNK = 32 << 20  # bytes read at a time for the statistics
CONSTANT = 0.5 / 255  # a channel whose std is below half a grey level is constant


class Decoded(NamedTuple):
    """pixels: uint8 [C, S, S]. deep: whether the file has more than 8 bits a channel; outside: then the share of its
    values outside the range."""

    pixels: Pixels
    deep: bool
    outside: float


def decode(data: bytes, config: ImageConfig) -> Pixels:
    """uint8 [C, S, S] of an encoded image of any mode; the first frame of a moving one.

    Turned upright by its EXIF orientation; transparency on white; more than 8 bits a channel brought to 8 by
    config.range (without one: by the range of the file's type). The short side is fitted and the centre cut out, in
    one resampling; an image of the right size is not resampled. Not padded: borders tell images of one shape from
    those of another, which would be learnt first.

    Raises:
        ImageError: a ValueError; nothing that can be read to the end, or too many pixels.
    """
    return decoded(data, config).pixels


def decoded(data: bytes, config: ImageConfig) -> Decoded:
    """What `decode` gives, and what it did with more than 8 bits."""
    if is_array(data):
        return fitted(as_picture(data), config)
    with opened(data) as image:
        image.draft(None, (2 * config.size, 2 * config.size))  # a large JPEG need not be decoded in full
        return fitted(picture(image), config)


def deep_ends(data: bytes) -> tuple[float, float] | None:
    """Lowest and highest value of an image of more than 8 bits (components.modalities.image.file.ends); else None."""
    if is_array(data):
        found = as_picture(data)
        return ends(found.values()) if found.limits is not None else None
    with opened(data) as image:
        return ends(picture(image).values()) if is_deep(image) else None


def common_range(found: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """One range for several images, from their `deep_ends`: the lowest and the highest of all but 0.1 % of them."""
    lows, highs = np.array(list(found)).T
    low = float(np.quantile(lows, 0.001, method="lower"))
    high = float(np.quantile(highs, 0.999, method="higher"))
    return low, high if high > low else low + 1


def fitted(found: Picture, config: ImageConfig) -> Decoded:
    """A decoded image as a square of the configured size; see `decode`."""
    image, outside = found.bands[0], 0.0
    if found.limits is not None:
        parts = [stretched(band, config.range or found.limits) for band in found.bands]
        image = parts[0][0] if len(parts) == 1 else Image.merge("RGB", [part for part, _ in parts])
        outside = float(np.mean([share for _, share in parts]))
    plain = image.convert("L" if config.channels == 1 else "RGB")
    if plain.size != (config.size, config.size):
        side = min(plain.size)
        left, top = ((length - side) / 2 for length in plain.size)
        box = (left, top, left + side, top + side)
        plain = plain.resize((config.size, config.size), Image.Resampling.BICUBIC, box=box)
    pixels = np.asarray(plain, dtype=np.uint8)
    shaped = pixels[None] if config.channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return Decoded(shaped, found.limits is not None, outside)


@dataclass
class PackedImages:
    """What pack wrote. samples: N, rows of the array. unreadable: position among those given -> reason, for samples
    that were left out. range: see ImageConfig; None where no sample needed it. outside: share of the values of such
    samples that lie outside it."""

    samples: int = 0
    unreadable: dict[int, str] = field(default_factory=dict)
    range: tuple[float, float] | None = None
    outside: float = 0.0


def pack(
    encoded: Iterable[Sequence[bytes | Pixels]],
    total: int,
    config: ImageConfig,
    file: Path,
    *,
    workers: int = 0,
    progress: Callable[[float], None] = lambda done: None,
) -> PackedImages:
    """Decode every sample once into an .npy of uint8 [N, C, S, S]: same samples, same bytes.

    Streams: memory does not grow with N. A sample that cannot be decoded gets no row. Without config.range, the first
    batch that holds more than 8 bits sets it, so that later samples do not change earlier rows.

    encoded: batches, in row order, of encoded images or of pixels [C, S, S] that were decoded before.
    total: their number. workers: threads; 0 is one a core.
    progress: called with the share done.

    Raises:
        UserError: the decoder of a known format is not installed, or no room on the disk.
    """
    shape = (total, config.channels, config.size, config.size)
    enough_room(file.parent, int(np.prod(shape, dtype=np.int64)))
    made, seen, outside = PackedImages(), 0, list[float]()
    with file.open("wb") as out, ThreadPoolExecutor(workers or available()) as pool, quiet():
        write_header(out, np.uint8, shape)
        for batch in encoded:
            results = list(pool.map(partial(_attempt, config=config), batch))
            deep = [
                data
                for data, one in zip(batch, results, strict=True)
                if isinstance(data, bytes) and _is_deep(one)
            ]
            if deep and config.range is None:
                found = common_range(e for e in pool.map(deep_ends, deep) if e is not None)
                config = config.model_copy(update={"range": found})
                results = list(pool.map(partial(_attempt, config=config), batch))
            good = [one for one in results if isinstance(one, Decoded)]
            bad = {seen + k: one for k, one in enumerate(results) if isinstance(one, str)}
            out.write(b"".join(one.pixels.tobytes() for one in good))
            outside += [one.outside for one in good if one.deep]
            made.samples, made.unreadable = made.samples + len(good), made.unreadable | bad
            seen += len(batch)
            progress(seen / total)
        write_header(out, np.uint8, (made.samples, *shape[1:]))
    assert seen == total, f"{total} samples announced, {seen} came"
    if outside:
        made.range, made.outside = config.range, float(np.mean(outside))
    return made


def statistics(images: Pixels, rows: Rows) -> tuple[list[float], list[float]]:
    """Mean and std per channel, of pixels in [0, 1], over some rows of a packed array [N, C, S, S].

    A constant channel has nothing to scale: its std is given as 1, as scikit-learn's StandardScaler does.

    Raises:
        UserError: every channel is constant, so that nothing can be learnt.
    """
    channels = images.shape[1]
    counts = np.zeros((channels, 256), np.int64)  # exact sums: the same figures in any order
    step = max(1, CHUNK // images[:1].nbytes)
    for start in range(0, len(rows), step):
        part = images[rows[start : start + step]]
        counts += np.stack([np.bincount(c.ravel(), minlength=256) for c in part.swapaxes(0, 1)])
    levels = np.arange(256) / 255
    total = np.maximum(counts.sum(1), 1)
    mean = counts @ levels / total
    std = np.sqrt(np.maximum(counts @ levels**2 / total - mean**2, 0))
    if len(rows) and (std < CONSTANT).all():
        raise UserError(
            "samples-all-alike",
            f"all {len(rows)} training samples are the same single colour ({', '.join(f'{m * 255:.0f}' for m in mean)}"
            " of 255): samples that differ are required; look at the files in the inbox",
        )
    return [float(m) for m in mean], [float(s) if s >= CONSTANT else 1.0 for s in std]


def _attempt(data: bytes | Pixels, config: ImageConfig) -> Decoded | str:
    """The decoded sample, or the reason why there is none."""
    if isinstance(data, np.ndarray):
        return Decoded(data, deep=False, outside=0.0)
    try:
        return decoded(data, config)
    except MissingDecoderError as error:
        raise UserError("package-missing", f"{error}; install it and run again") from None
    except ImageError as error:
        return str(error)


def _is_deep(result: Decoded | str) -> bool:
    return isinstance(result, Decoded) and result.deep
