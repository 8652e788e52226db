"""Photographs of products."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import debian

FASHION = debian("dataset-fashion-mnist", "usr/share/datasets/fashion-mnist")
CLASSES = [
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
]
TRAINING, TEST = 14_000, 6_000


def fashion(seed: int, folder: Path) -> Images:
    images, labels = [], []
    for part, count in (("train", TRAINING), ("t10k", TEST)):
        rows = np.random.default_rng(seed).permutation(60_000 if part == "train" else 10_000)[:count]
        images.append(_idx(FASHION.path(folder) / f"{part}-images-idx3-ubyte.gz")[rows])
        labels.append(_idx(FASHION.path(folder) / f"{part}-labels-idx1-ubyte.gz")[rows])
    test = np.arange(TRAINING + TEST) >= TRAINING
    return Images(np.concatenate(images), np.concatenate(labels).astype(np.int64), CLASSES, test)


def _idx(file: Path) -> NDArray[np.uint8]:
    """An array in the IDX format: two zero bytes, type 8 (uint8), number of dimensions, big-endian lengths, data."""
    data = gzip.decompress(file.read_bytes())
    dimensions = data[3]
    shape = np.frombuffer(data, dtype=">u4", count=dimensions, offset=4)
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape.tolist())


PRODUCTS = (
    ImageSet(
        name="fashion",
        licence="MIT",
        packages=(FASHION,),
        half="development",
        build=fashion,
        task="Fashion-MNIST: 14,000 images of its training part and 6,000 of its test part, drawn at random.",
        split="images of Fashion-MNIST's own test part.",
    ),
)
