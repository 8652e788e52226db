"""Masks as text: exact, one text for each mask, refused in a sentence; and cut as their images are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from components.data.label_values import tidy
from components.data.masks import classes_in, fitted, from_text, size_of, to_text
from components.modalities.image.config import ImageConfig
from components.modalities.image.file import Picture
from components.modalities.image.pack import fitted as fitted_image

MASKS = arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 1, 2, 7, 254, 255]),
)


def test_by_hand() -> None:
    mask = np.array([[0, 0, 0], [0, 4, 4]], np.uint8)
    assert to_text(mask) == "2x3 0*4 4*2"
    assert to_text(mask.T) == "3x2 0*3 4*1 0*1 4*1"
    assert size_of("2x3 0*4 4*2") == (2, 3)
    assert classes_in(np.array([[255, 3], [0, 3]], np.uint8)) == [0, 3]


@given(MASKS)
def test_a_mask_comes_back_from_its_text(mask: np.ndarray) -> None:
    text = to_text(mask)
    back = from_text(text)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, mask)
    assert to_text(back) == text == tidy(text)  # as a label passes through the label table


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cat", "a mask is required (as a file in masks/, or as text such as '2x3 0*4 4*2'), got 'cat'"),
        ("", "a mask is required"),
        ("0x3 0*0", "a mask is required"),
        ("02x3 0*6", "a mask is required"),
        ("2x3", "needs runs of 6 pixels, got 0"),
        ("2x3 0*5", "a mask of 2 x 3 needs runs of 6 pixels, got 5"),
        ("2x3 0*7", "needs runs of 6 pixels, got 7"),
        ("2x3 0*4 256*2", "the class 0 to 255, got '256*2'"),
        ("2x3 0*4  4*2", "runs of a mask are class*length"),
        ("2x3 0*4 4*0", "runs of a mask are class*length"),
        ("2x3 0*2 0*4", "neighbouring runs of a mask must differ in class, got 0 twice"),
        ("99999x99999 0*1", "a mask may have 89,000,000 pixels, got 99999 x 99999"),
    ],
)
def test_other_texts_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("(", r"\(").replace(")", r"\)").replace("*", r"\*")):
        from_text(text)


def slow(mask: np.ndarray, side: int) -> np.ndarray:
    height, width = mask.shape
    square = min(height, width)
    found = np.zeros((side, side), np.uint8)
    for row in range(side):
        for column in range(side):
            y = (height - square) / 2 + (row + 0.5) * square / side
            x = (width - square) / 2 + (column + 0.5) * square / side
            found[row, column] = mask[int(y), int(x)]
    return found


@pytest.mark.parametrize("shape", [(8, 8), (8, 13), (21, 9), (5, 5), (64, 40)])
def test_fitted_by_a_slow_loop(shape: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
    for side in (8, 5, 16):
        np.testing.assert_array_equal(fitted(mask, side), slow(mask, side))


@pytest.mark.parametrize("shape", [(48, 80), (80, 48), (64, 64), (90, 61)])
def test_a_mask_stays_on_its_image(shape: tuple[int, int]) -> None:
    """An image that is its own mask: after both are cut and resized they differ at edges alone."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    mask = ((y - height * 0.4) ** 2 + (x - width * 0.55) ** 2 < 15**2).astype(np.uint8)
    config = ImageConfig(size=32, channels=1)
    image = fitted_image(Picture((Image.fromarray(mask * 255),), None), config).pixels[0]
    small = fitted(mask, 32)
    sure = (image < 30) | (image > 225)
    np.testing.assert_array_equal((image > 127)[sure], (small == 1)[sure])
    assert sure.mean() > 0.9
    assert small.any()
