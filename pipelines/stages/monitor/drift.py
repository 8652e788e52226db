"""New deliveries beside old samples, as a classifier sees both: which are looked at, and how far they are apart.

Features are compared by maximum mean discrepancy, answers by their mix of classes and by their confidence.
Letters: M samples looked at, m of them of one delivery, D features, K classes.
"""

from collections.abc import Mapping

import numpy as np

from components.arrays import Floats, Ints
from components.config import Config
from components.data.table import Table
from components.errors import UserError
from components.monitoring.drift import mmd_test
from components.monitoring.mix import chi_square, psi
from pipelines.inference.windows import FEWEST, PERMUTATIONS, by_delivery

BINS = 20  # of the histogram of confidence


class Delivery(Config):
    """statistic, p: estimate of MMD^2 between the features of its samples and of old ones, and the chance of one as
    large without drift. psi, mix_p: stability index and chi-square test of `mix`, the counts of the classes
    predicted. confidence: mean. histogram: of it, BINS in [0, 1]."""

    delivery: str
    samples: int
    statistic: float
    p: float
    psi: float
    mix_p: float
    mix: list[int]
    confidence: float
    histogram: list[int]


def split(
    now: Table, trained: Table, deliveries: Mapping[str, str], *, windows: int, samples: int, seed: int
) -> tuple[Ints, list[tuple[str, Ints]]]:
    """Rows to look at: old training samples, and of each of the last deliveries that the champion has not seen.

    Args:
        deliveries: digest of a shard -> name of the delivery that it came with.
        windows: deliveries at most. samples: of each side at most.

    Raises:
        UserError: fewer old samples are left than say anything.
    """
    rng = np.random.default_rng(seed)
    rows = now.train_rows()
    new = ~np.isin(now.ids[rows], trained.ids)
    old, parts = rows[~new], list(by_delivery(now, rows[new], deliveries).items())[-windows:]
    if len(old) < FEWEST * max(1, len(parts)):
        raise UserError(
            f"{len(old)} of the samples that the champion was trained on are left, {FEWEST} a delivery are needed "
            "to compare with; bring the data back (`selfsup data checkout`) or train a new model"
        )
    each = samples // max(1, len(parts))
    return _some(old, samples, rng), [(name, _some(part, each, rng)) for name, part in parts]


def compare(name: str, x: Floats, p: Floats, old_x: Floats, old_p: Floats, seed: int) -> Delivery:
    """One delivery with features x [m, D] and probabilities p [m, K] beside its share of the old samples."""
    statistic, chance = mmd_test(x, old_x, permutations=PERMUTATIONS, seed=seed)
    reference, current = counts(old_p), counts(p)
    return Delivery(
        delivery=name,
        samples=len(x),
        statistic=statistic,
        p=chance,
        psi=psi(reference, current),
        mix_p=chi_square(reference, current)[1],
        mix=current,
        confidence=float(p.max(axis=1).mean()),
        histogram=histogram(p),
    )


def dealt(x: Floats, p: Floats, parts: int, seed: int) -> list[tuple[Floats, Floats]]:
    """Old samples dealt out among the deliveries: the tests share none and are independent of each other."""
    order = np.random.default_rng(seed).permutation(len(x))
    return [(x[own], p[own]) for own in np.array_split(order, parts)] if parts else []


def counts(probabilities: Floats) -> list[int]:
    """[K] how often each class is the answer."""
    return [int(n) for n in np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])]


def histogram(probabilities: Floats) -> list[int]:
    return [int(n) for n in np.histogram(probabilities.max(axis=1), BINS, (0.0, 1.0))[0]]


def _some(rows: Ints, most: int, rng: np.random.Generator) -> Ints:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
