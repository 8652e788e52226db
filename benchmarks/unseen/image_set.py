"""What an image set is, and the rules that hold for each of them.

Letters: N images, H x W pixels, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.unseen.packages import Package
from components.arrays import Ints, Pixels

Half = Literal["development", "final"]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Images:
    images: Pixels
    """[N, H, W] grey or [N, H, W, 3] colour."""
    labels: Ints
    """[N], each below K."""
    classes: list[str]
    """K names."""
    test: Flags
    """[N]: held out, about 30 %."""

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Ints) -> "Images":
        return replace(self, images=self.images[rows], labels=self.labels[rows], test=self.test[rows])


@dataclass(frozen=True)
class ImageSet:
    """One image set: where it comes from and how it is built."""

    name: str
    licence: str
    packages: tuple[Package, ...]
    """What must be installed; empty where the project's own dependencies are enough."""
    half: Half
    """development: looked at while something is tuned. final: looked at once, at the end."""
    build: Callable[[int, Path], Images]
    """build(seed, folder of the benchmark). The same seed gives the same bytes."""
    task: str
    """How image and class come about."""
    split: str
    """Which images are held out, and what training images have in common with them."""


def finished(found: Images, seed: int) -> Images:
    """Remove repeated images, shuffle the rest and check the result.

    Of images with equal bytes one stays, a test image where there is one; all go where their labels differ.

    Raises:
        ValueError: shapes or labels do not fit together, or a class has no training or no test image.
    """
    _check_shapes(found)
    rows = np.random.default_rng([seed, len(found)]).permutation(len(found))
    groups: dict[bytes, list[int]] = {}
    for row in rows:
        groups.setdefault(sha256(found.images[row].tobytes()).digest(), []).append(int(row))
    kept = [
        max(group, key=lambda row: bool(found.test[row]))
        for group in groups.values()
        if len({int(found.labels[row]) for row in group}) == 1
    ]
    result = found.take(np.array(kept, dtype=np.int64))
    for name, part in (("training", ~result.test), ("test", result.test)):
        counts = np.bincount(result.labels[part], minlength=len(result.classes))
        if not counts.all():
            missing = result.classes[int(np.flatnonzero(counts == 0)[0])]
            raise ValueError(f"each class must have {name} images; there is none of {missing}")
    return result


def _check_shapes(found: Images) -> None:
    shape, count = found.images.shape, len(found)
    if found.images.dtype != np.uint8 or len(shape) not in (3, 4) or shape[3:] not in ((), (3,)):
        raise ValueError(
            f"images must be uint8 [N, H, W] or [N, H, W, 3], got {found.images.dtype} {list(shape)}"
        )
    if found.labels.shape != (count,) or found.test.shape != (count,):
        raise ValueError(
            f"labels and test must be [{count}], got {list(found.labels.shape)} and {list(found.test.shape)}"
        )
    if len(set(found.classes)) != len(found.classes):
        raise ValueError(f"class names must differ, got {found.classes}")
    if found.labels.min() < 0 or found.labels.max() >= len(found.classes):
        raise ValueError(
            f"labels must be 0 to {len(found.classes) - 1}, got {found.labels.min()} to {found.labels.max()}"
        )
