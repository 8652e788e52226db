"""The simple baseline of segmentation: logistic regression on what surrounds a pixel, and on where it lies.

Features of a pixel: the values of the side x side pixels around it (the edge repeated), and its row and column, all
standardised; the strength of the penalty is fixed, as there are thousands of pixels for each of few features.
Letters: M images, C channels, S side in pixels, K classes, n pixels, D features.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from components.arrays import Doubles, Floats, Ints, Pixels
from components.data.masks import IGNORE
from components.evaluation.classification.logistic import Linear, fit_logistic

SIDE = 5  # pixels
STRENGTH = 1.0


@dataclass(frozen=True)
class PixelModel:
    """linear: of standardised features. mean, scale: [D] of them."""

    linear: Linear
    mean: Doubles
    scale: Doubles

    def predict(self, images: Floats) -> Pixels:
        """[M, C, S, S] in [0, 1] -> uint8 [M, S, S]."""
        found = np.empty((len(images), *images.shape[2:]), dtype=np.uint8)
        for row, image in enumerate(images):
            x = (surroundings(image) - self.mean) / self.scale
            found[row] = self.linear.logits(x).argmax(axis=1).reshape(image.shape[1:])
        return found


def surroundings(image: Floats) -> Doubles:
    """[C, S, S] -> [S * S, D] features of its pixels, row by row; D = C * SIDE^2 + 2."""
    height, width = image.shape[1:]
    reach = SIDE // 2
    padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    around = sliding_window_view(padded, (SIDE, SIDE), axis=(1, 2))  # [C, S, S, SIDE, SIDE]
    values = around.transpose(1, 2, 0, 3, 4).reshape(height * width, -1)
    rows, columns = np.divmod(np.arange(height * width), width)
    return np.column_stack([values, rows / height, columns / width]).astype(np.float64)


def fit_pixels(
    images: Floats, masks: Pixels, classes: int, *, most: int = 20_000, seed: int = 0
) -> PixelModel:
    """From images [M, C, S, S] in [0, 1] with masks [M, S, S]; at most `most` pixels, drawn by chance from those that
    are not ignored."""
    known = np.flatnonzero(masks.ravel() != IGNORE)
    chosen: Ints = np.sort(np.random.default_rng(seed).permutation(known)[:most])
    of, place = np.divmod(chosen, masks[0].size)
    x = np.concatenate([surroundings(images[row])[place[of == row]] for row in np.unique(of)])
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    labels = masks.ravel()[chosen].astype(np.int64)
    return PixelModel(fit_logistic((x - mean) / scale, labels, classes, strength=STRENGTH), mean, scale)
