"""Images of a request in every form that is taken: the same pixels come out of each."""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from components.errors import UserError
from components.modalities.image.config import image_packing
from components.modalities.image.serve import encode_png, encoded, images_of, pixels_of, raw

GREY = image_packing(1, size=8)
COLOUR = image_packing(3, size=8)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3), (3, 9, 7), (1, 9, 7)])
def test_png_keeps_every_pixel(shape: tuple[int, ...]) -> None:
    image = noise(*shape)
    back = np.asarray(Image.open(io.BytesIO(encode_png(image))))
    expected = image.transpose(1, 2, 0) if shape[0] in (1, 3) else image
    np.testing.assert_array_equal(back, expected.squeeze())


@pytest.mark.parametrize(
    ("shape", "channels", "count"),
    [
        ((8, 8), 1, 1),
        ((8, 8, 3), 1, 1),
        ((8, 8, 1), 3, 1),
        ((1, 8, 8), 1, 1),
        ((3, 8, 8), 3, 1),
        ((3, 8, 8), 1, 3),  # of a grey model: three grey images
        ((1, 8, 8), 3, 1),  # several that are one
        ((5, 8, 8), 1, 5),
        ((5, 1, 8, 8), 1, 5),
        ((5, 8, 8, 3), 3, 5),
    ],
)
def test_an_array_is_one_image_or_several(shape: tuple[int, ...], channels: int, count: int) -> None:
    given = noise(*shape)
    found = images_of(given, channels)
    assert len(found) == count
    assert sum(one.size for one in found) == given.size


def test_a_column_list_or_single_value() -> None:
    two = [b"1", b"2"]
    for given in (
        two, tuple(two), {"image": two}, {"other": two}, {"image": two, "n": 1}, pd.Series(two),
        pd.DataFrame({"image": two, "n": 1}), pd.DataFrame({"other": two}),
    ):  # fmt: skip
        assert images_of(given, 1) == two
    for alone in (b"1", bytearray(b"1"), "MQ=="):
        assert images_of(alone, 1) == [alone]
    with pytest.raises(UserError, match=r"a column 'image' is required, got columns \['a', 'b'\]"):
        images_of({"a": two, "b": two}, 1)


def test_what_json_holds_stands_for_bytes_and_arrays() -> None:
    assert raw(base64.b64encode(b"some bytes").decode()) == b"some bytes"
    assert raw("c29t\nZSBi eXRlcw==") == b"some bytes"  # lines and spaces, as tools write it
    assert raw("no base64!") == "no base64!"
    found = raw([[0, 255], [1, 2]])
    assert found.dtype == np.uint8
    assert found.tolist() == [[0, 255], [1, 2]]
    for values in ([[0, 256]], [[-1, 0]], [[0.5, 1.0]]):  # no bytes: their own values, not wrapped round
        assert raw(values).dtype != np.uint8
        assert raw(values).tolist() == values
    assert raw([[1, 2], [3]]) == [[1, 2], [3]]


@pytest.mark.parametrize("packing", [GREY, COLOUR], ids=["grey", "colour"])
def test_every_form_gives_the_pixels_of_the_file(packing: Any) -> None:
    image = noise(8, 8) if packing is GREY else noise(8, 8, 3)
    expected = image[None] if packing is GREY else image.transpose(2, 0, 1)
    png = encode_png(image)
    for value in (
        png, bytearray(png), memoryview(png), base64.b64encode(png).decode(), image, image.tolist(), expected,
        expected.tolist(),
    ):  # fmt: skip
        np.testing.assert_array_equal(pixels_of(value, packing), expected)


def test_values_of_more_than_8_bits_are_brought_to_the_range_of_the_model() -> None:
    deep = GREY.model_copy(update={"range": (0.0, 4095.0)})
    values = np.full((8, 8), 4095.0, np.float32)
    values[:, 4:] = 0
    values[0, 0], values[0, 1] = 1638, 9999  # 1638 / 4095 * 255 = 102; above the range is white
    found = pixels_of(values, deep)
    assert found.shape == (1, 8, 8)
    assert found[0, 0].tolist() == [102, 255, 255, 255, 0, 0, 0, 0]
    np.testing.assert_array_equal(pixels_of(values.tolist(), deep), found)
    with pytest.raises(TypeError, match="uint8 array required, got an array of float32"):
        pixels_of(values, GREY)  # it learnt from 8 bits: nothing says what these values are


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (None, TypeError, "encoded bytes or a uint8 array required, got NoneType"),
        (3, TypeError, "got int"),
        ("in/x.png", TypeError, "got str"),
        ([[0.5, 1.0]], TypeError, "got an array of float64"),
        ([[1, 2], [3]], TypeError, "got list"),
        (b"text", ValueError, "not an image"),
        ("dGV4dA==", ValueError, "not an image"),
    ],
)
def test_what_is_no_image_is_one_line(value: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        pixels_of(value, GREY)
    if error is TypeError:
        with pytest.raises(error, match=said):
            encoded(value)
