"""Sets of classes that hold the true one as often as promised, whatever the model is worth.

Source: Vovk et al. 2005, split conformal prediction; scores LAC, Sadinle et al. 2019 (arXiv:1609.00451): 1 - p_y,
the smallest sets on average; and APS, Romano et al. 2020 (arXiv:2006.02544), eq. 4: the probability of all classes
that are at least as likely, which spreads the misses more evenly. A class belongs to the set where its score is
at most the ceil((n + 1)(1 - miss))-th smallest of n labels that the model has not learnt from.

Few labels: no label is held out for good, the scores are cross-fitted (Vovk 2015, cross-conformal). The final model
has seen more labels than those that were judged, so its sets err on the safe side; the strict guarantee is
1 - 2 miss (Barber et al. 2021, arXiv:1905.02928), therefore the coverage is measured on the test samples as well.
Deviations: the most likely class is always in the set, and APS draws no random number, so that a sample has one
answer; both can only raise the coverage.
Letters: N samples, K classes, n labels.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from components.arrays import Doubles, Ints
from components.config import Config
from components.errors import UserError

Score = Literal["lac", "aps"]


def scores(p: Doubles, score: Score = "lac") -> Doubles:
    """[N, K] probabilities -> [N, K] in [0, 1], how little each class conforms.

    p = (.6, .3, .1): LAC .4, .7, .9; APS .6, .9, 1.
    """
    p = np.asarray(p, dtype=np.float64)
    if score == "lac":
        return np.asarray(1 - p)
    order = np.argsort(-p, axis=1, kind="stable")
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.cumsum(np.take_along_axis(p, order, axis=1), axis=1), axis=1)
    return np.minimum(found, 1.0)


def bound(own: Doubles, miss: float) -> float:
    """The ceil((n + 1)(1 - miss))-th smallest of [n] scores; infinity where n is too small for it.

    n = 9, miss .1: the largest. n = 8: infinity.
    """
    place = math.ceil((len(own) + 1) * (1 - miss) - 1e-9)
    return float(np.sort(own)[place - 1]) if place <= len(own) else math.inf


class Sets(Config):
    """miss: share of samples whose set may lack the true class. thresholds: of each class's score, 1 always in."""

    score: Score = "lac"
    miss: float = Field(gt=0, lt=1)
    thresholds: tuple[float, ...] = Field(min_length=1)

    def of(self, p: Doubles) -> NDArray[np.bool_]:
        """[N, K] probabilities -> [N, K], whether a class is in the sample's set."""
        inside = scores(p, self.score) <= np.array(self.thresholds) + 1e-12
        inside[np.arange(len(inside)), np.asarray(p).argmax(axis=1)] = True
        return np.asarray(inside)


def fit_sets(
    p: Doubles, labels: Ints, *, miss: float = 0.1, score: Score = "lac", by_class: bool = False
) -> Sets:
    """Thresholds from probabilities [n, K] of models that did not see the labels [n].

    by_class: each class by its own labels, so that none is missed more often than another; a class with fewer
    than 1 / miss - 1 of them is in every set.

    Raises:
        UserError: shapes do not fit, or no label came.
    """
    p, labels = np.asarray(p, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if p.ndim != 2 or len(p) != len(labels) or not len(labels):
        raise UserError(
            "array-invalid",
            f"probabilities [n, K] and as many labels needed, got {p.shape} and {labels.shape}; label samples "
            "of at least two classes, two of each",
        )
    own = scores(p, score)[np.arange(len(labels)), labels]
    limits = [bound(own[labels == k] if by_class else own, miss) for k in range(p.shape[1])]
    return Sets(score=score, miss=miss, thresholds=tuple(min(limit, 1.0) for limit in limits))


def coverage(inside: NDArray[np.bool_], labels: Ints) -> NDArray[np.bool_]:
    """[N] whether the true class is in the set [N, K]."""
    found: NDArray[np.bool_] = inside[np.arange(len(labels)), labels]
    return found
