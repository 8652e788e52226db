"""Masks as files of an inbox: PNG files of class numbers, grey or with a palette, each beside its image.

    masks/NAME.png      of NAME.* beside the folder masks, or of images/NAME.* beside it
    NAME.mask.png       of NAME.* in the same folder

They become label texts (masks.py), bound to their images by path. 255 means that nobody says what a pixel is.
"""

import io
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from components.arrays import Pixels
from components.data.masks import IGNORE, MOST

FOLDER, SUFFIX, IMAGES = "masks", ".mask.png", "images"
NAMES = "classes.txt"

Size = tuple[int, int]  # height, width


def is_mask(path: str) -> bool:
    """Whether a file is a mask by its path, in an inbox whose labels are masks."""
    lower = path.lower()
    return lower.endswith(SUFFIX) or (lower.endswith(".png") and lower.split("/")[-2:-1] == [FOLDER])


def stems_of(path: str) -> list[str]:
    """Paths, without their suffix, that the image of a mask may have: of "a/masks/b.png" a/b and a/images/b; of
    "a/b.mask.png" a/b."""
    if path.lower().endswith(SUFFIX):
        return [path[: -len(SUFFIX)]]
    above = PurePosixPath(path).parent.parent
    name = PurePosixPath(path).stem
    return [(above / name).as_posix(), (above / IMAGES / name).as_posix()]


def read_mask(file: Path, size: Size | None) -> Pixels:
    """The mask uint8 [H, W] in a file. size: of its image, None where it is not known.

    Raises:
        ValueError: it cannot be read, is of another size than its image, holds colours, no class at all, or nothing but
            0 and 255; one line.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ValueError(f"unreadable: {error.strerror}") from None
    if not data:
        raise ValueError("an empty file")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            width, height = image.size
            if size is not None and (height, width) != size:
                raise _OwnError(
                    f"a mask of {width} x {height} pixels, and its image has {size[1]} x {size[0]}"
                )
            if width * height > MOST:
                raise _OwnError(f"a mask may have {MOST:,} pixels, got {width} x {height}")
            if image.mode not in ("P", "L", "1"):
                raise _OwnError(
                    f"a mask is grey or has a palette, of 8 bits: its values are class numbers; got {image.mode}"
                )
            mask: Pixels = np.array(image, dtype=np.uint8)
    except _OwnError:
        raise
    except Exception as error:  # decoders raise nearly anything
        raise ValueError(f"no PNG file that can be read: {' '.join(str(error).split())[:120]}") from None
    return _sensible(mask)


def _sensible(mask: Pixels) -> Pixels:
    values = np.unique(mask).tolist()
    if values == [IGNORE]:
        raise ValueError(f"every pixel is {IGNORE}, which means ignore: the mask says nothing")
    if values == [0, IGNORE]:
        raise ValueError(
            f"its values are 0 and {IGNORE} alone, and {IGNORE} means ignore; write the class as its number, such as 1"
        )
    return mask


class _OwnError(ValueError):
    """A reason that is said as it stands."""


def class_names(folder: Path) -> tuple[str, ...]:
    """The names of the classes 0, 1, ... from classes.txt in a folder, a line each; none without that file.

    Raises:
        ValueError: it is not UTF-8, or a name is empty or there twice; one line.
    """
    file = folder / NAMES
    if not file.is_file():
        return ()
    try:
        names = [line.strip() for line in file.read_text(encoding="utf-8-sig").strip().splitlines()]
    except UnicodeDecodeError:
        raise ValueError(f"{NAMES}: a name of a class on each line is required, in UTF-8") from None
    if "" in names or len(set(names)) < len(names):
        raise ValueError(f"{NAMES}: a name of a class on each line is required, each once, class 0 first")
    return tuple(names)
