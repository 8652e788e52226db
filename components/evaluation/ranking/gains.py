"""HR@K and NDCG@K of full rankings: the one item that a user chose among all V items.

Sources: NDCG: Jarvelin & Kekalainen 2002 (doi:10.1145/582415.582418), with one relevant item 1 / log2(1 + place); over
all items and not over a sample of them, since a sample orders models otherwise: Krichene & Rendle 2020
(doi:10.1145/3394486.3403226). Items of equal score: the mean over all orders of them.
Letters: M users, V items, K places.
"""

from dataclasses import dataclass

import numpy as np

from components.arrays import Doubles, Ints


@dataclass(frozen=True)
class Gains:
    """hit: [M] whether the item is among the first K; between 0 and 1 where equal scores leave it open. ndcg: [M]."""

    hit: Doubles
    ndcg: Doubles


def gains_of(scores: np.ndarray, targets: Ints, k: int = 10) -> Gains:
    """Gains of each user.

    Args:
        scores: [M, V], -inf for an item that cannot be recommended. targets: [M] int64, 0 to V - 1.

    Places 1 and 2 give NDCG 1 and .631; one of two equal best items, .815; an item that cannot be recommended, 0.
    """
    own = scores[np.arange(len(targets)), targets][:, None]
    higher, equal = (scores > own).sum(axis=1), (scores == own).sum(axis=1)
    hits, ndcg = totals(scores.shape[1], k)
    there = np.isfinite(own[:, 0])

    def mean(total: Doubles) -> Doubles:
        """Of the places higher + 1 to higher + equal."""
        return np.where(there, (total[higher + equal] - total[higher]) / equal, 0.0)

    return Gains(mean(hits), mean(ndcg))


def totals(items: int, k: int) -> tuple[Doubles, Doubles]:
    """Sums of the gains of the first 0, 1, .. V places: [V + 1] of hits and of NDCG."""
    place = np.arange(1, items + 1)
    inside = place <= k
    ndcg = np.where(inside, 1 / np.log2(1 + place), 0.0)
    return np.concatenate([[0.0], np.cumsum(inside)]), np.concatenate([[0.0], np.cumsum(ndcg)])


def by_chance(items: int, k: int = 10) -> float:
    """NDCG of a random order of V items. Two items: .815."""
    return float(totals(items, k)[1][-1] / items)
