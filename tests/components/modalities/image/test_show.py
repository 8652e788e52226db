"""Images in a page, pixel by pixel."""

import base64
import io
import re

import numpy as np
from PIL import Image

from components.modalities.image.show import GAP, THUMB, img, sheet, thumbnail


def shown(html: str) -> Image.Image:
    """The image that an <img> holds."""
    found = re.fullmatch(r'<img alt="" src="data:image/png;base64,([A-Za-z0-9+/=]+)">', html)
    assert found is not None
    return Image.open(io.BytesIO(base64.b64decode(found[1])))


def test_a_sheet_shows_each_image_in_its_place() -> None:
    images = np.zeros((3, 1, 4, 4), dtype=np.uint8)
    images[1], images[2] = 100, 200
    whole = np.asarray(shown(sheet(list(images), columns=2)))
    step = THUMB + GAP
    expected = np.full(
        (2 * step, 2 * step, 3), 255, np.uint8
    )  # white between them and where no fourth one is
    for top, left, value in ((0, 0, 0), (0, step, 100), (step, 0, 200)):
        expected[top : top + THUMB, left : left + THUMB] = value
    np.testing.assert_array_equal(whole, expected)


def test_a_sheet_of_nothing_is_one_empty_row() -> None:
    assert shown(sheet([], columns=3)).size == (3 * (THUMB + GAP), THUMB + GAP)


def test_small_images_are_enlarged_without_smoothing_and_large_ones_averaged() -> None:
    board = (np.indices((2, 2)).sum(0) % 2 * 255).astype(np.uint8)[None]
    large = np.asarray(thumbnail(board, 6))
    assert large.shape == (6, 6, 3)
    np.testing.assert_array_equal(large[:, :, 0], board[0].repeat(3, axis=0).repeat(3, axis=1))
    fine = (np.indices((96, 96)).sum(0) % 2 * 255).astype(np.uint8)[None]
    assert abs(float(np.asarray(thumbnail(fine, 48))[8:-8, 8:-8].mean()) - 127.5) < 2


def test_a_colour_image_keeps_its_channels() -> None:
    image = np.zeros((3, 8, 8), dtype=np.uint8)
    image[0], image[2] = 10, 30
    assert thumbnail(image, 48).getpixel((5, 5)) == (10, 0, 30)


def test_an_img_holds_its_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(shown(img(Image.fromarray(pixels)))), pixels)
