"""Pictures of masks in a page."""

import base64
import io
import re

import numpy as np
from PIL import Image

from components.data.masks import IGNORE
from pipelines.pages.masks import GAP, SIDE, class_bars, colour_of, in_colour, strip


def test_colours_tell_classes_apart() -> None:
    assert colour_of(0) == (0, 0, 0)
    assert colour_of(1) == (0x4E, 0x79, 0xA7)
    assert len({colour_of(number) for number in range(11)}) == 11
    found = in_colour(np.array([[0, 1], [2, IGNORE]], np.uint8))
    assert found[0, 0].tolist() == [0, 0, 0]
    assert tuple(found[0, 1].tolist()) == colour_of(1)
    assert found[1, 1].tolist() == [255, 255, 255]


def test_a_strip_has_four_pictures_side_by_side() -> None:
    image = np.zeros((1, 8, 8), np.float32)
    image[0, 0, 0] = 1
    truth, said = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    truth[0, 0], said[0, 0] = 1, 2
    certainty = np.full((8, 8), 128, np.uint8)
    html = strip(image, truth, said, certainty)
    found = re.fullmatch(r'<img alt="" src="data:image/png;base64,([A-Za-z0-9+/=]+)">', html)
    assert found is not None
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))))
    assert pixels.shape == (SIDE, 4 * SIDE + 3 * GAP, 3)
    corners = [tuple(pixels[0, place * (SIDE + GAP)].tolist()) for place in range(4)]
    assert corners == [(255, 255, 255), colour_of(1), colour_of(2), (128, 128, 128)]
    assert tuple(pixels[-1, 0].tolist()) == (0, 0, 0)


def test_images_of_any_number_of_channels_are_shown() -> None:
    mask = np.zeros((8, 8), np.uint8)
    for channels in (1, 2, 3, 5):
        assert strip(np.zeros((channels, 8, 8), np.float32), mask, mask, mask).startswith("<img ")


def test_bars() -> None:
    assert class_bars(["a", "b"], [0.5, 1.0], [0.4, 1.0], [0.6, 1.0], [1, 2]).startswith(
        "data:image/png;base64,"
    )
