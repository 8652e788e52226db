"""Picture files of any mode and shape as square colour arrays."""

from pathlib import Path

import numpy as np
from PIL import Image

from components.arrays import Pixels

WHITE = (255, 255, 255)


def fitted(file: Path, side: int, ground: tuple[int, int, int] = WHITE) -> Pixels:
    """The picture without its transparent margin, centred on a square [side, side, 3] of one colour.

    Its proportions are kept.
    """
    with Image.open(file) as opened:
        image = opened.convert("RGBA")
    return framed(image.crop(image.getchannel("A").getbbox()), side, ground)


def framed(image: Image.Image, side: int, ground: tuple[int, int, int] = WHITE) -> Pixels:
    """An RGBA image, scaled to fit, centred on a square [side, side, 3] of one colour."""
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    canvas = Image.new("RGBA", (side, side), (*ground, 255))
    canvas.alpha_composite(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(canvas.convert("RGB"))


def pixels_of_png(file: Path) -> int:
    """Width times height as the header of a PNG file gives them, without decoding it."""
    with file.open("rb") as opened:
        header = opened.read(24)
    return int.from_bytes(header[16:20]) * int.from_bytes(header[20:24])
