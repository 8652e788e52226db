"""Which images are held out, and which labels are drawn. Letters: N images."""

from collections.abc import Sequence

import numpy as np

from benchmarks.unseen.image_set import Flags, Images
from components.arrays import Ints

TEST_SHARE = 0.3


def hold_out(
    groups: Sequence[object], seed: int, share: float = TEST_SHARE, within: Ints | None = None
) -> Flags:
    """Hold out whole groups, in random order, as long as they fit into the share; always at least one.

    Args:
        groups: [N], the group of each image, e.g. its font. Images of one group never fall on both sides.
        within: [N], labels; the share is then held out of each class alone. A group must have one class.

    Returns:
        [N], True where held out: hold_out([7, 7, 7, 8], 0) = [False, False, False, True], since the group 8
        fits into 1.2 images and the group 7 does not.

    Raises:
        ValueError: `within` is given and a group has images of two classes.
    """
    names, index = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
    strata = np.zeros(len(index), dtype=np.int64) if within is None else within
    first = np.zeros(len(names), dtype=np.int64)
    first[index] = strata
    if (first[index] != strata).any():
        group = names[index[int(np.flatnonzero(first[index] != strata)[0])]]
        raise ValueError(f"a group must have one class, group {group} has several")
    sizes = np.bincount(index)
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(names), dtype=bool)
    for stratum in np.unique(strata):
        of_stratum = rng.permutation(np.flatnonzero(first == stratum))
        room = share * sizes[of_stratum].sum()
        for group in of_stratum:
            if sizes[group] <= room:
                chosen[group] = True
                room -= sizes[group]
        if not chosen[of_stratum].any():
            chosen[of_stratum[sizes[of_stratum].argmin()]] = True
    return np.asarray(chosen[index])


def draw_labels(found: Images, labels_per_class: int, draw: int) -> Ints:
    """Rows of the training images that get a label: equally many a class, as far as there are, in rising order.

    Draws are nested: that of one label a class is part of that of four with the same number `draw`.
    """
    rows = []
    for label in range(len(found.classes)):
        candidates = np.flatnonzero((found.labels == label) & ~found.test)
        rng = np.random.default_rng([draw, label])
        rows.append(rng.permutation(candidates)[:labels_per_class])
    return np.sort(np.concatenate(rows))
