"""How well masks agree: Dice and intersection over union, of each image and of each class, with intervals over images.

Sources: Dice 1945 and Everingham et al. 2010 (the mean of IoU over classes); of an image without objects in mask and
prediction both are 1, as Maier-Hein et al. 2024 (arXiv:2206.01653) advise. Class 0 is the background, which is no
object; ignored pixels count nowhere.
Letters: M images, H, W height and width, K classes, R resamples.
"""

from collections.abc import Mapping

import numpy as np

from components.arrays import Doubles, Floats, Ints, Pixels
from components.config import Config
from components.data.masks import IGNORE
from components.evaluation.classification.bootstrap import mean_interval, paired_difference
from components.evaluation.classification.figures import Figure, figure_of


class ClassAgreement(Config):
    """Of one class, over the pixels of all images. images: whose mask holds it. share: of the pixels."""

    name: str
    images: int
    share: float
    dice: Figure | None
    iou: Figure | None


def tables(truth: Pixels, predicted: Pixels, classes: int) -> Ints:
    """[M, H, W] twice -> [M, K, K] counts of pixels by true and by predicted class; ignored ones left out.

    Raises:
        ValueError: shapes differ, or a class is not below K.
    """
    known = truth != IGNORE
    if truth.shape != predicted.shape or (truth[known] >= classes).any() or (predicted >= classes).any():
        raise ValueError(
            f"masks of equal shape with classes below {classes} are required, got {truth.shape} and {predicted.shape}"
        )
    image = np.broadcast_to(np.arange(len(truth))[:, None, None], truth.shape)[known]
    cell = (image * classes + truth[known]) * classes + predicted[known]
    counts = np.bincount(cell, minlength=len(truth) * classes**2)
    return counts.reshape(len(truth), classes, classes).astype(np.int64)


def dice_and_iou(counts: Ints) -> tuple[Doubles, Doubles]:
    """[..., K, K] -> Dice and IoU [..., K] of each class: 2 |A and B| / (|A| + |B|) and |A and B| / |A or B|; NaN where
    a class is in neither mask."""
    both = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    sizes = counts.sum(axis=-1) + counts.sum(axis=-2)
    with np.errstate(invalid="ignore"):
        return np.where(sizes > 0, 2 * both / sizes, np.nan), np.where(
            sizes > 0, both / (sizes - both), np.nan
        )


def by_image(counts: Ints) -> tuple[Doubles, Doubles]:
    """[M, K, K] -> Dice and IoU [M] of each image: the mean over the objects' classes that mask or prediction holds, 1
    where neither holds any."""
    found = []
    for values in dice_and_iou(counts):
        objects = values[:, 1:]
        there = ~np.isnan(objects)
        total = np.where(there, objects, 0.0).sum(axis=1)
        found.append(np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), 1.0))
    return found[0], found[1]


def figures(
    values: Mapping[str, Doubles], *, resamples: int, seed: int
) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """The mean of each model's values [M] with its interval over images; and of "model" less each other, paired."""
    how = {"resamples": resamples, "seed": seed}
    of = {name: figure_of(mean_interval(each, **how)) for name, each in values.items()}
    over = {
        name: figure_of(paired_difference(values["model"], each, **how))
        for name, each in values.items()
        if name != "model"
    }
    return of, over


def by_class(counts: Ints, names: list[str], *, resamples: int, seed: int) -> list[ClassAgreement]:
    """Of [M, K, K] counts, over the pixels of all images; intervals by resampling images."""
    images = len(counts)
    drawn = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=resamples)
    whole = counts.sum(axis=0)
    resampled = (drawn @ counts.reshape(images, -1)).reshape(resamples, *whole.shape)
    kinds = [
        _figures_of(value, each)
        for value, each in zip(dice_and_iou(whole), dice_and_iou(resampled), strict=True)
    ]
    return [
        ClassAgreement(
            name=name,
            images=int((counts[:, k].sum(axis=1) > 0).sum()),
            share=float(whole[k].sum() / max(1, whole.sum())),
            dice=kinds[0][k],
            iou=kinds[1][k],
        )
        for k, name in enumerate(names)
    ]


def sampled_pixels(truth: Pixels, probabilities: Floats, most: int, seed: int) -> tuple[Doubles, np.ndarray]:
    """Confidence and whether it is right, of at most `most` pixels that are not ignored, drawn by chance.

    truth: [M, H, W]; probabilities: [M, K, H, W].
    """
    known = np.flatnonzero(truth.ravel() != IGNORE)
    chosen = np.sort(np.random.default_rng(seed).permutation(known)[:most])
    confidence = probabilities.max(axis=1).ravel()[chosen].astype(np.float64)
    right = probabilities.argmax(axis=1).ravel()[chosen] == truth.ravel()[chosen]
    return np.clip(confidence, 0, 1), right


def _figures_of(values: Doubles, drawn: Doubles) -> list[Figure | None]:
    """values: [K]; drawn: [R, K]; None for a class that is in neither mask of any image."""
    found: list[Figure | None] = []
    for k, value in enumerate(values.tolist()):
        if np.isnan(value):
            found.append(None)
            continue
        there = drawn[:, k][~np.isnan(drawn[:, k])]
        low, high = np.quantile(there, [0.025, 0.975])
        found.append(Figure(value=value, low=float(low), high=float(high)))
    return found
