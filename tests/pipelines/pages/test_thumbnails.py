import base64
import io

import numpy as np
from PIL import Image

from pipelines.pages.thumbnails import THUMB, strip, thumbnail, typical


def test_a_sheet_shows_each_image_in_its_place() -> None:
    images = np.zeros((3, 1, 4, 4), dtype=np.uint8)
    images[1], images[2] = 100, 200
    sheet = Image.open(io.BytesIO(base64.b64decode(strip(images, columns=2).partition(",")[2])))
    side = THUMB + 2
    assert sheet.size == (2 * side, 2 * side)
    middle = THUMB // 2
    assert [sheet.getpixel((x + middle, y + middle))[0] for x, y in ((0, 0), (side, 0), (0, side))] == [
        0,
        100,
        200,
    ]
    assert sheet.getpixel((side + middle, side + middle)) == (255, 255, 255)  # no fourth image


def test_a_colour_image_keeps_its_channels() -> None:
    image = np.zeros((3, 8, 8), dtype=np.uint8)
    image[0], image[2] = 10, 30
    assert thumbnail(image).getpixel((5, 5)) == (10, 0, 30)


def test_typical_takes_the_nearest_first_and_reaches_the_farthest() -> None:
    members = np.array([10, 11, 12, 13, 14, 15, 16, 17, 18])
    near = np.array([0.1, 0.9, 0.5, 0.8, 0.2, 0.7, 0.3, 0.6, 0.4])
    assert typical(near, members, 3).tolist() == [11, 13, 10]  # one nearest, then from the second to the last
    assert sorted(typical(near, members, 20).tolist()) == members.tolist()
