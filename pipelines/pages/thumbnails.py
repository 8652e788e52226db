"""Sheets of sample images: rows of thumbnails as one inline PNG.

Letters: n images, C channels, S side in pixels.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.arrays import Pixels
from pipelines.pages.charts import data_uri

THUMB = 48  # pixels; small samples are enlarged without smoothing, so that one sees what the model sees


def strip(images: Pixels, columns: int) -> str:
    """n images uint8 [n, C, S, S] as a grid of `columns` -> data URI."""
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (THUMB + 2), max(rows, 1) * (THUMB + 2)), "white")
    for i, image in enumerate(images):
        place = ((i % columns) * (THUMB + 2), (i // columns) * (THUMB + 2))
        sheet.paste(thumbnail(image), place)
    stream = io.BytesIO()
    sheet.save(stream, format="PNG", optimize=True)
    return data_uri(stream.getvalue())


def thumbnail(image: Pixels) -> Image.Image:
    """uint8 [C, S, S], C = 1 or 3 -> THUMB x THUMB RGB."""
    colour = np.repeat(image, 3, axis=0) if len(image) == 1 else image[:3]
    picture = Image.fromarray(np.ascontiguousarray(colour.transpose(1, 2, 0)))
    how = Image.Resampling.NEAREST if image.shape[-1] <= THUMB else Image.Resampling.LANCZOS
    return picture.resize((THUMB, THUMB), how)


def typical(similarity: NDArray[np.floating], members: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The members most like their centroid: a third the nearest, the rest evenly down to the farthest.

    similarity: of each member. So a sheet shows what a cluster is about and where it frays.
    """
    order = members[np.argsort(-similarity, kind="stable")]
    if len(order) <= count:
        return order
    near = max(1, count // 3)
    spread = np.linspace(near, len(order) - 1, count - near).round().astype(np.int64)
    return np.concatenate([order[:near], order[spread]])
