import base64
import io
import re

import numpy as np
from PIL import Image

from components.modalities.image.show import GAP, THUMB, img, sheet, thumbnail


def drawn(html: str) -> Image.Image:
    """The image that an <img> holds."""
    found = re.fullmatch(r'<img alt="" src="data:image/png;base64,([A-Za-z0-9+/=]+)">', html)
    assert found is not None
    return Image.open(io.BytesIO(base64.b64decode(found[1])))


def test_a_sheet_shows_each_image_in_its_place() -> None:
    images = np.zeros((3, 1, 4, 4), dtype=np.uint8)
    images[1], images[2] = 100, 200
    shown = drawn(sheet(images, columns=2))
    side, middle = THUMB + GAP, THUMB // 2
    assert shown.size == (2 * side, 2 * side)
    assert [shown.getpixel((x + middle, y + middle))[0] for x, y in ((0, 0), (side, 0), (0, side))] == [
        0,
        100,
        200,
    ]
    assert shown.getpixel((side + middle, side + middle)) == (255, 255, 255)  # no fourth image


def test_a_colour_image_keeps_its_channels() -> None:
    image = np.zeros((3, 8, 8), dtype=np.uint8)
    image[0], image[2] = 10, 30
    assert thumbnail(image, THUMB).getpixel((5, 5)) == (10, 0, 30)
    assert drawn(img(thumbnail(image, 20))).size == (20, 20)
