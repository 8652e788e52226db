"""What a small share of the labels is enough for: 1 % and 10 % of each class, as ImageNet's protocols have it.

Source: Chen et al. 2020 (arXiv:2002.05709), table 7, Caron et al. 2020 (arXiv:2006.09882): the shares are taken class
by class. Deviations: a linear probe whose strength is chosen on the same few labels in place of fine-tuning (that is
components.evaluation.representation.fine_tuning), and several draws in place of one published list.
Letters: N labels, M test samples, D features, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Ints
from components.errors import UserError
from components.evaluation.classification.probe import fit_probe

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class LowShot:
    """labels: how many the share came to. accuracy: mean over draws; deviation: between them."""

    labels: int
    accuracy: float
    deviation: float


def share_of_each(labels: Ints, share: float, seed: int) -> Ints:
    """Positions, in order: of each class that share of its labels, rounded, at least one.

    Raises:
        UserError: a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise UserError("value-out-of-range", f"a share of the labels in (0, 1] needed, got {share}")
    rng, chosen = np.random.default_rng(seed), list[Ints]()
    for one in np.unique(labels):
        rows = np.flatnonzero(labels == one)
        chosen.append(rng.permutation(rows)[: max(1, round(share * len(rows)))])
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def low_shot(
    train: Floats,
    labels: Ints,
    test: Floats,
    truth: Ints,
    classes: int,
    *,
    shares: Sequence[float] = (0.01, 0.1),
    draws: int = 3,
    seed: int = 0,
) -> dict[float, LowShot]:
    """Share -> how a probe on so many of the labels does; train [N, D], labels [N], test [M, D], truth [M]."""
    found = {}
    for share in shares:
        right = list[float]()
        for draw in range(draws):
            rows = share_of_each(labels, share, seed + draw)
            probe = fit_probe(train[rows], labels[rows], classes, pool=train, seed=seed)
            right.append(float((probe.logits(test).argmax(axis=1) == truth).mean()))
        found[share] = LowShot(len(rows), float(np.mean(right)), float(np.std(right)))
    return found
