"""Images: encoded bytes to a square of pixels, and a whole data set to one packed array. Needs no torch.

Letters: N samples, C channels, S side in pixels.
"""

import errno
import io
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from PIL import Image, ImageCms, ImageOps
from pydantic import Field

from components.config import Config
from components.errors import UserError

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
TOGETHER = 512  # samples decoded between two writes


class ImageConfig(Config):
    """size: side in pixels that samples are brought to. channels: 1 for grey, 3 for colour."""

    name: Literal["image"] = "image"
    size: int = Field(32, ge=8, le=1024)
    channels: Literal[1, 3] = 3


def decode(data: bytes, config: ImageConfig) -> Pixels:
    """uint8 [C, S, S] of an encoded image of any mode; the first frame of a moving one.

    Turned upright by its EXIF orientation; transparency on white; 16 bits and floats brought to 8. The short
    side is fitted and the centre cut out, in one resampling; an image of the right size is not resampled.
    Not padded: borders tell images of one shape from those of another, which would be learnt first.

    Raises:
        ValueError: nothing that Pillow can read to the end, or more pixels than it is willing to.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft(None, (2 * config.size, 2 * config.size))  # a large JPEG need not be decoded in full
            upright = ImageOps.exif_transpose(image)
            plain = eight_bits(upright).convert("L" if config.channels == 1 else "RGB")
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"not a readable image: {error}") from None
    if plain.size != (config.size, config.size):
        side = min(plain.size)
        left, top = ((length - side) / 2 for length in plain.size)
        box = (left, top, left + side, top + side)
        plain = plain.resize((config.size, config.size), Image.Resampling.BICUBIC, box=box)
    pixels = np.asarray(plain, dtype=np.uint8)
    return pixels[None] if config.channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def eight_bits(image: Image.Image) -> Image.Image:
    """Grey or RGB of 8 bits without transparency.

    Modes that hold no range of their own (I, F) are read as [0, 1], as 8 or as 16 bits: the first that fits.
    """
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image, dtype=np.float64)
        wide = image.mode.startswith("I;16")
        top = float(values.max(initial=0.0))
        scale = 255 / 65535 if wide or top > 255 else 255.0 if image.mode == "F" and top <= 1 else 1.0
        return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8))
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
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


@dataclass(frozen=True)
class PackedImages:
    """What pack wrote: N samples; mean and std per channel, of pixels in [0, 1], of training samples."""

    samples: int
    mean: list[float]
    std: list[float]


def pack(
    encoded: Iterable[bytes],
    train: np.ndarray[Any, np.dtype[np.bool_]],
    config: ImageConfig,
    file: Path,
    *,
    workers: int = 0,
    progress: Callable[[float], None] = lambda done: None,
) -> PackedImages:
    """Decode every sample once into an .npy of uint8 [N, C, S, S]: same samples, same bytes.

    Streams: memory does not grow with N.

    encoded: N encoded images, in row order. train: [N], the rows that mean and std are taken over (all where
    none is). workers: threads; 0 is one a core. progress: called with the share done.

    Raises:
        UserError: an image that cannot be decoded, or no room on the disk.
    """
    shape = (len(train), config.channels, config.size, config.size)
    counts = np.zeros((config.channels, 256), np.int64)  # exact sums: the same figures in any order
    over = train if train.any() else np.ones(len(train), bool)
    enough_room(file.parent, int(np.prod(shape, dtype=np.int64)))
    done = 0
    try:
        with file.open("wb") as out, ThreadPoolExecutor(workers or _cores()) as pool:
            _header(out, shape)
            for batch in _batches(encoded, TOGETHER):
                images = np.stack(list(pool.map(_numbered(config), range(done, done + len(batch)), batch)))
                out.write(images.tobytes())
                kept = images[over[done : done + len(batch)]]
                counts += np.stack([np.bincount(c.ravel(), minlength=256) for c in kept.swapaxes(0, 1)])
                done += len(batch)
                progress(done / len(train))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_room(file.parent) from None
        raise
    assert done == len(train), f"{len(train)} samples announced, {done} came"
    levels = np.arange(256) / 255
    total = np.maximum(counts.sum(1), 1)
    mean = counts @ levels / total
    std = np.sqrt(np.maximum(counts @ levels**2 / total - mean**2, 0))
    return PackedImages(done, [float(m) for m in mean], [float(s) for s in std])


def enough_room(folder: Path, needed: int) -> None:
    """Refuse before the work what could not be written after it."""
    if shutil.disk_usage(folder).free < needed:
        raise no_room(folder, needed)


def no_room(folder: Path, needed: int = 0) -> UserError:
    size = f"{needed / 1e6:,.0f} MB are needed" if needed else "more is needed"
    return UserError(
        f"no room on the disk of {folder}: {size}; free some, or set SELFSUP_HOME to a larger disk"
    )


def _numbered(config: ImageConfig) -> Callable[[int, bytes], Pixels]:
    def one(row: int, data: bytes) -> Pixels:
        try:
            return decode(data, config)
        except ValueError as error:
            raise UserError(f"sample in row {row}: {error}; deliver it again or take its shard out") from None

    return one


def _header(out: BinaryIO, shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _batches(items: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
