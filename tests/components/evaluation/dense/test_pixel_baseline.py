"""The baseline of pixels: what it looks at, and that it finds what a glance finds."""

import numpy as np

from components.data.masks import IGNORE
from components.evaluation.dense.pixel_baseline import SIDE, fit_pixels, surroundings

RNG = np.random.default_rng(0)


def test_surroundings_by_a_slow_loop() -> None:
    image = RNG.random((2, 6, 7)).astype(np.float32)
    found = surroundings(image)
    assert found.shape == (42, 2 * SIDE**2 + 2)
    for row in range(6):
        for column in range(7):
            wanted = [
                image[channel, min(max(row + y, 0), 5), min(max(column + x, 0), 6)]
                for channel in range(2)
                for y in range(-2, 3)
                for x in range(-2, 3)
            ]
            np.testing.assert_allclose(found[row * 7 + column], [*wanted, row / 6, column / 7], rtol=1e-6)


def scenes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bright squares of class 1 on dark ground, with noise."""
    masks = np.zeros((count, 12, 12), np.uint8)
    for mask in masks:
        top, left = RNG.integers(0, 8, 2)
        mask[top : top + 5, left : left + 5] = 1
    images = 0.2 + 0.6 * masks[:, None] + RNG.normal(scale=0.1, size=(count, 1, 12, 12))
    return images.astype(np.float32), masks


def test_bright_squares_are_found() -> None:
    images, masks = scenes(12)
    model = fit_pixels(images, masks, 2)
    others, truth = scenes(6)
    assert (model.predict(others) == truth).mean() > 0.97


def test_ignored_pixels_teach_nothing() -> None:
    images, masks = scenes(12)
    wrong = masks.copy()
    wrong[:, ::2] = 1 - wrong[:, ::2]
    ignored = masks.copy()
    ignored[:, ::2] = IGNORE
    others, truth = scenes(6)
    assert (fit_pixels(images, ignored, 2).predict(others) == truth).mean() > 0.95
    assert (fit_pixels(images, wrong, 2).predict(others) == truth).mean() < 0.8
