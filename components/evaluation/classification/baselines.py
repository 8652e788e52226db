"""What the pixels alone give with the same labels: the figures that a network must beat.

With few labels logistic regression on pixels is the strongest simple baseline; it is tuned as the probe is,
by cross-validation on the same labels, over the strength and over two scalings of the pixels.
Letters: N labels, M test samples, P pixels, K classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from components.arrays import Floats, Ints
from components.evaluation.classification.knn import choose_k, knn
from components.evaluation.classification.logistic import fit_logistic
from components.evaluation.classification.probe import Choice, Probe, choose_strength, moments

LARGEST = (
    32 * 32
)  # pixels a channel; larger images are averaged down to that, or the regression takes minutes
PIXEL_GRID = (0.001, 0.01, 0.1, 1.0, 10.0)


def pixels(images: NDArray[np.uint8], chunk: int = 4096) -> Floats:
    """[N, C, S, S] uint8 -> [N, P] float32 in [0, 1]; sides over 32 are averaged down to 32."""
    rows, channels, side, _ = images.shape
    target = min(side, int(LARGEST**0.5))
    flat = np.empty((rows, channels * target * target), dtype=np.float32)
    for start in range(0, rows, chunk):
        part = torch.from_numpy(np.array(images[start : start + chunk])).float() / 255.0
        if target < side:
            part = torch.nn.functional.adaptive_avg_pool2d(part, target)
        flat[start : start + len(part)] = part.flatten(1).numpy()
    return flat


def logistic_on_pixels(
    train: Floats, labels: Ints, test: Floats, classes: int, *, folds: int = 5, seed: int = 0
) -> tuple[NDArray[np.float64], Choice]:
    """[M, K] logits of the test samples, and how the strength was chosen.

    train: [N, P], test: [M, P] in [0, 1]; labels: [N].
    """
    probe = fit_plain(train, labels, classes, folds=folds, seed=seed)
    return probe.logits(test), probe.choice


def fit_plain(train: Floats, labels: Ints, classes: int, *, folds: int = 5, seed: int = 0) -> Probe:
    """Logistic regression on [N, P] pixels in [0, 1], the better of two scalings and its strength chosen."""
    mean, scale = moments(train)
    options = []
    for shift, unit in ((mean, np.full_like(scale, 1.0)), (mean, np.maximum(scale, 0.05))):
        choice = choose_strength(
            (train - shift) / unit, labels, classes, grid=PIXEL_GRID, folds=folds, seed=seed
        )
        options.append((choice.accuracy or 0.0, choice, shift, unit))
    _, choice, shift, unit = max(options, key=lambda option: option[0])
    linear = fit_logistic((train - shift) / unit, labels, classes, strength=choice.strength)
    return Probe(shift, unit, linear, choice)


def knn_on_pixels(train: Floats, labels: Ints, test: Floats, classes: int) -> NDArray[np.float64]:
    """[M, K] shares of the vote; k chosen by leaving one label out at a time."""
    bank, known = torch.from_numpy(train), torch.from_numpy(np.asarray(labels, dtype=np.int64))
    k = choose_k(bank, known, classes=classes)
    votes = knn(bank, known, torch.from_numpy(test), classes=classes, k=k)
    return np.asarray(votes.numpy(), dtype=np.float64)
