"""What a model keeps of the samples that it learnt from, so that it can say which new ones are unlike them all.

The detector is that of components.evaluation.classification.outliers (Mahalanobis distance to the nearest group), on
the model's own features: means and covariance come from one half of the training samples, the limit from the other
half, so that of samples like these at most `rate` lie above it. The network has seen both halves, so new samples can
lie farther off: of 400 test digits, in eight trainings with 45 labels to all, .033 to .068 were called strange at a
rate of .05. Letters: N training samples, M queries, D features, G groups.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveInt

from components.arrays import Floats, Ints
from components.config import Config
from components.evaluation.classification.outliers import Mahalanobis, fit_mahalanobis, limit

FEW = 40  # training samples under which no rate of false alarms can be stated
MOST = 8192  # training samples that are looked at


class OutlierConfig(Config):
    """groups: G, whose means the weights hold. limit: a sample farther from all of them is strange. rate: share of
    ordinary samples that are."""

    groups: PositiveInt
    limit: NonNegativeFloat
    rate: float = Field(gt=0, lt=1)


class Ordinary(NamedTuple):
    """means [G, D] and whiten [D, D], see Mahalanobis; float32, as they are saved."""

    config: OutlierConfig
    means: Floats
    whiten: Floats


def distances(x: Floats, means: Floats, whiten: Floats) -> NDArray[np.float64]:
    """[M, D] features -> [M] distance to the nearest group; about sqrt(D) for ordinary samples."""
    return Mahalanobis(means.astype(np.float64), whiten.astype(np.float64)).scores(x)


def fit_ordinary(x: Floats, group: Ints, rate: float, seed: int) -> Ordinary | None:
    """From the features [N, D] of training samples and the group [N] of each.

    None where they are too few for the rate (fewer than FEW, or than 2 / rate), or all the same.
    """
    if len(x) < FEW or not np.ptp(x, axis=0).any():
        return None
    learn = np.random.default_rng(seed).permutation(len(x)) % 2 == 0
    found = fit_mahalanobis(x[learn], group[learn])
    means, whiten = found.means.astype(np.float32), found.whiten.astype(np.float32)
    bound = limit(distances(x[~learn], means, whiten), rate)
    if not math.isfinite(bound):
        return None
    return Ordinary(OutlierConfig(groups=len(means), limit=bound, rate=rate), means, whiten)
