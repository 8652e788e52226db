"""Patches of a fluorescence micrograph of nuclei, by what lies at their middle."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt

from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import Package
from components.arrays import Pixels

STARDIST = Package("PyPI", "stardist", "stardist/data/images/img2d.tif")
CLASSES = ["background", "edge", "nucleus"]
SIDE = 24
INSIDE = 4.0  # pixels from the edge of a nucleus
COUNTS = (350, 150)  # training and test patches of a class


def nuclei(seed: int, folder: Path) -> Images:
    rng = np.random.default_rng(seed)
    file = STARDIST.path(folder)
    image, instances = (np.asarray(Image.open(file.with_name(f"{name}2d.tif"))) for name in ("img", "mask"))
    bright = np.clip(image / np.quantile(image, 0.998), 0, 1)
    grey = np.round(255 * np.sqrt(bright)).astype(np.uint8)
    where = middles(instances)
    border = round(0.7 * image.shape[1])
    images: list[Pixels] = []
    labels, test = [], []
    half = SIDE // 2
    for label in range(len(CLASSES)):
        for count, left, right, held in ((COUNTS[0], 0, border, False), (COUNTS[1], border, None, True)):
            area, part = grey[:, left:right], where[:, left:right]
            inner = part[half : 1 - half, half : 1 - half]
            rows, columns = np.nonzero(inner == label)
            for chosen in rng.permutation(len(rows))[:count]:
                top, start = rows[chosen], columns[chosen]
                images.append(area[top : top + SIDE, start : start + SIDE])
                labels.append(label)
                test.append(held)
    return Images(np.stack(images), np.array(labels, dtype=np.int64), CLASSES, np.array(test))


def middles(instances: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Class of the patch around each pixel, -1 where it is none of them.

    Args:
        instances: [H, W], 0 for background, else the number of the nucleus.

    Returns:
        [H, W]: 1 for a nucleus' pixel with another nucleus or background beside it; 2 and 0 for pixels of nuclei
        and of background that are at least INSIDE pixels from those of the other kind.
    """
    edge = np.zeros(instances.shape, dtype=bool)
    for axis in (0, 1):
        for step in (-1, 1):
            beside = np.roll(instances, step, axis)
            edge |= (instances > 0) & (beside != instances)
    result = np.full(instances.shape, -1, dtype=np.int64)
    result[distance_transform_edt(instances == 0) >= INSIDE] = 0
    result[(instances > 0) & (distance_transform_edt(~edge) >= INSIDE)] = 2
    result[edge] = 1
    return result


MICROSCOPY = (
    ImageSet(
        name="nuclei",
        licence="BSD-3-Clause (stardist); image: CC0 (Data Science Bowl 2018)",
        packages=(STARDIST,),
        half="development",
        build=nuclei,
        task="Patches of a micrograph by what is at their middle: background, the edge of a nucleus, a nucleus.",
        split="patches of the right 30 % of the micrograph; those of the left part never reach into it.",
    ),
)
