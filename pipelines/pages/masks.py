"""Masks in a page: an image beside its mask, the predicted one and its confidence; and what each colour means.

Letters: C channels, S side in pixels, K classes.
"""

import numpy as np
from PIL import Image

from components.arrays import Floats, Pixels
from components.data.masks import IGNORE
from components.modalities.image.show import img
from pipelines.pages.charts import COLOURS, INK, drawing, uri

SIDE = 128  # pixels of each picture, at least
GAP = 4
IGNORED = (255, 255, 255)


def colour_of(number: int) -> tuple[int, int, int]:
    """Of a class; the background is black."""
    if number == 0:
        return (0, 0, 0)
    name = COLOURS[(number - 1) % len(COLOURS)]
    red, green, blue = (int(name[at : at + 2], 16) for at in (1, 3, 5))
    return (red, green, blue)


def strip(image: Floats, truth: Pixels, predicted: Pixels, certainty: Pixels) -> str:
    """One <img>: image [C, S, S] in [0, 1], masks [S, S] in colour, confidence [S, S] from black (0) to white (255)."""
    grey = image[:1] if image.shape[0] != 3 else image
    pixels = np.rint(255 * np.clip(np.repeat(grey, 3 // len(grey), axis=0), 0, 1)).astype(np.uint8)
    panels = [
        pixels.transpose(1, 2, 0),
        in_colour(truth),
        in_colour(predicted),
        np.repeat(certainty[:, :, None], 3, axis=2),
    ]
    side = max(SIDE, truth.shape[0])
    whole = Image.new("RGB", (4 * side + 3 * GAP, side), "white")
    for place, panel in enumerate(panels):
        shown = Image.fromarray(np.ascontiguousarray(panel)).resize((side, side), Image.Resampling.NEAREST)
        whole.paste(shown, (place * (side + GAP), 0))
    return img(whole)


def in_colour(mask: Pixels) -> Pixels:
    """[S, S] -> [S, S, 3]; ignored pixels are white."""
    palette = np.array([colour_of(number) for number in range(IGNORE)] + [IGNORED], dtype=np.uint8)
    found: Pixels = palette[mask]
    return found


def class_bars(
    names: list[str], values: list[float], low: list[float], high: list[float], numbers: list[int]
) -> str:
    """Dice of classes with their intervals, each in the colour that it has in masks. numbers: of the classes."""
    with drawing(6.2, 0.36 * len(names) + 0.7) as (figure, axes):
        place, centre = np.arange(len(names))[::-1], np.asarray(values)
        error = np.stack([centre - np.asarray(low), np.asarray(high) - centre])
        colours = [tuple(part / 255 for part in colour_of(number)) for number in numbers]
        axes.barh(place, centre, height=0.62, color=colours)
        axes.errorbar(centre, place, xerr=error, fmt="none", ecolor=INK, elinewidth=1, capsize=3)
        axes.set_yticks(place, names)
        axes.set_xlim(0, 1.02)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("Dice over the pixels of all test images, 95 % interval")
        return uri(figure)
