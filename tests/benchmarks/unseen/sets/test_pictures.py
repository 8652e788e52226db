import numpy as np
from PIL import Image

from benchmarks.unseen.sets.pictures import fitted, pixels_of_png


def test_a_picture_loses_its_transparent_margin_and_keeps_its_proportions(tmp_path):
    image = Image.new("RGBA", (100, 100))
    image.paste((255, 0, 0, 255), (20, 40, 60, 60))  # 40 x 20
    image.save(tmp_path / "some.png")
    found = fitted(tmp_path / "some.png", 16, (0, 0, 255))
    assert found.shape == (16, 16, 3)
    assert np.array_equal(found[4:12], np.broadcast_to([255, 0, 0], (8, 16, 3)))
    assert np.array_equal(found[:4], np.broadcast_to([0, 0, 255], (4, 16, 3)))


def test_the_number_of_pixels_is_read_from_the_header(tmp_path):
    Image.new("L", (300, 7)).save(tmp_path / "some.png")
    assert pixels_of_png(tmp_path / "some.png") == 2100
