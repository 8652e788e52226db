"""New deliveries beside old samples, as a model sees both: which are looked at, and how far they are apart.

Features are compared by maximum mean discrepancy, predictions by how often each class or range of values is predicted.
Letters: M samples looked at, m of them of one delivery, D features.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from components.arrays import Floats, Ints
from components.config import Config
from components.data.table import Table
from components.errors import UserError
from components.monitoring.drift import mmd_test
from components.monitoring.mix import chi_square, psi
from pipelines.inference.windows import FEWEST, PERMUTATIONS, by_delivery

BINS = 20  # of the histogram of predictions


class Words(Config):
    """What a page calls the counts of predictions, and the figure whose mean and histogram are watched. low, high: of
    the histogram."""

    mix: str
    level: str
    low: float = 0.0
    high: float = 1.0


class Watch(Protocol):
    """What of a task's predictions is watched; see classification.py."""

    @property
    def predicted(self) -> str: ...
    @property
    def words(self) -> Words: ...
    @property
    def names(self) -> list[str]: ...
    def counts(self, p: Floats, /) -> list[int]: ...
    def level(self, p: Floats, /) -> float: ...
    def histogram(self, p: Floats, /) -> list[int]: ...


class Delivery(Config):
    """statistic, p: estimate of MMD^2 between the features of its samples and of old ones, and the chance of one as
    large without drift. psi, mix_p: stability index and chi-square test of `mix`, the counts of the classes, or of
    ranges of values, that are predicted. level: mean confidence or prediction. histogram: of it, in BINS bins."""

    delivery: str
    samples: int
    statistic: float
    p: float
    psi: float
    mix_p: float
    mix: list[int]
    level: float
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
            "samples-too-few",
            f"{len(old)} of the samples that the champion was trained on are left, {FEWEST} a delivery are needed "
            "to compare with; bring the data back (`selfsup data checkout`) or train a new model",
        )
    each = samples // max(1, len(parts))
    return _some(old, samples, rng), [(name, _some(part, each, rng)) for name, part in parts]


def compare(
    name: str, x: Floats, p: Floats, old_x: Floats, old_p: Floats, watch: Watch, seed: int
) -> Delivery:
    """One delivery with features x [m, D] and predictions p [m, ...] beside its share of the old samples."""
    statistic, chance = mmd_test(x, old_x, permutations=PERMUTATIONS, seed=seed)
    reference, current = watch.counts(old_p), watch.counts(p)
    return Delivery(
        delivery=name,
        samples=len(x),
        statistic=statistic,
        p=chance,
        psi=psi(reference, current),
        mix_p=chi_square(reference, current)[1],
        mix=current,
        level=watch.level(p),
        histogram=watch.histogram(p),
    )


def dealt(x: Floats, p: Floats, parts: int, seed: int) -> list[tuple[Floats, Floats]]:
    """Old samples dealt out among the deliveries: the tests share none and are independent of each other."""
    order = np.random.default_rng(seed).permutation(len(x))
    return [(x[own], p[own]) for own in np.array_split(order, parts)] if parts else []


def _some(rows: Ints, most: int, rng: np.random.Generator) -> Ints:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
