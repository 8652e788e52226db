"""Images in a page: thumbnails, enlarged without smoothing so that one sees what a model sees.

Letters: n images, C channels, S side in pixels.
"""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from components.arrays import Pixels

THUMB = 48  # side in pixels of an image in a sheet
GAP = 2  # pixels between two


def sheet(images: Sequence[Pixels], columns: int) -> str:
    """n images uint8 [C, S, S] as one <img>, `columns` side by side."""
    rows = -(-len(images) // columns)
    step = THUMB + GAP
    whole = Image.new("RGB", (columns * step, max(rows, 1) * step), "white")
    for i, image in enumerate(images):
        whole.paste(thumbnail(image, THUMB), ((i % columns) * step, (i // columns) * step))
    return img(whole)


def img(image: Image.Image) -> str:
    """An <img> that holds its image."""
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}">'


def thumbnail(image: Pixels, size: int) -> Image.Image:
    """uint8 [C, S, S], C = 1 or 3 -> size x size RGB."""
    colour = np.repeat(image, 3, axis=0) if len(image) == 1 else image[:3]
    picture = Image.fromarray(np.ascontiguousarray(colour.transpose(1, 2, 0)))
    how = Image.Resampling.NEAREST if image.shape[-1] <= size else Image.Resampling.LANCZOS
    return picture.resize((size, size), how)
