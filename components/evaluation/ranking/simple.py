"""The simple models of the field: most popular items, lately popular ones, what follows an item, item-kNN and EASE.

Each is fitted in closed form or by counting, and becomes arrays: `prior` [V], the score of an item whatever the
history; and, where it looks at the history, `near` and `weight` [V, J], of each item the J items that it speaks for
most and how much, or `full` [V, V]. A history's scores are the sum over its items, or of its last item alone.

Sources: item-kNN with cosines: Deshpande & Karypis 2004 (doi:10.1145/963770.963776); EASE: Steck 2019
(arXiv:1905.03375), equation 8; lately popular: Ji et al. 2020 (arXiv:2005.13829).
Letters: V items, J neighbours, N users.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np

from components.arrays import Doubles, Floats, Ints
from components.evaluation.ranking.histories import Histories

Arrays = dict[str, np.ndarray[Any, Any]]
Fit = Callable[[Histories], Arrays]
Simple = Literal["popularity", "recency", "transitions", "item_knn", "ease"]

NEIGHBOURS = 200  # J, of item-kNN and of what follows an item
BLOCK = 512  # items whose neighbours are found at a time
RECENT = 0.1  # share of the newest events that lately popular items are counted in
SMOOTHING = 0.1  # weight of popularity beside what follows an item
EASE_ITEMS = 6000  # beyond them V x V numbers are too many
PENALTIES = (50.0, 250.0, 1000.0)  # of EASE; which one suits is measured on the events held out for choosing


def popularity(given: Histories) -> Arrays:
    """Users who had an item, of all."""
    return {"prior": np.asarray(given.chosen.sum(axis=0)).ravel() / max(1, given.users)}


def recency(given: Histories) -> Arrays:
    """How often an item occurs among the newest tenth of the events of all users."""
    since = np.quantile(given.time, 1 - RECENT) if len(given.time) else 0.0
    newest = given.item[given.time >= since]
    return {"prior": np.bincount(newest, minlength=given.items) / max(1, len(newest))}


def transitions(given: Histories) -> Arrays:
    """p(next item | last item) as counted, and popularity for .1 of it."""
    import scipy.sparse as sp

    same = given.user[1:] == given.user[:-1]
    pair = (given.item[:-1][same], given.item[1:][same])
    counts = sp.csr_matrix((np.ones(len(pair[0])), pair), shape=(given.items, given.items))
    total = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
    near, weight = strongest(lambda rows: counts[rows].toarray() / total[rows, None], given.items)
    share = np.bincount(given.item, minlength=given.items) / max(1, len(given.item))
    return {"near": near, "weight": (1 - SMOOTHING) * weight, "prior": SMOOTHING * share}


def item_knn(given: Histories) -> Arrays:
    """Cosines between items as sets of users, of the nearest J of each item."""
    x = given.chosen
    length = np.sqrt(np.maximum(np.asarray(x.sum(axis=0)).ravel(), 1e-12))
    turned = x.T.tocsr()

    def cosines(rows: Ints) -> Doubles:
        found = (turned[rows] @ x).toarray() / length[rows, None] / length
        found[np.arange(len(rows)), rows] = 0
        return np.asarray(found)

    near, weight = strongest(cosines, given.items)
    return {"near": near, "weight": weight}


def ease(given: Histories, penalty: float) -> Arrays:
    """B = I - P diag(1 / P) with P = (X'X + penalty I)^-1, [V, V] with zeros on the diagonal."""
    gram = (given.chosen.T @ given.chosen).toarray() + penalty * np.eye(given.items)
    inverse = np.linalg.inv(gram)
    full = -inverse / np.diag(inverse)
    np.fill_diagonal(full, 0)
    return {"full": full}


def fits(items: int) -> dict[str, tuple[Simple, Fit]]:
    """Name of a candidate -> its method, and how it is fitted, for so many items."""
    found: dict[str, tuple[Simple, Fit]] = {
        "popularity": ("popularity", popularity),
        "recency": ("recency", recency),
        "transitions": ("transitions", transitions),
        "item_knn": ("item_knn", item_knn),
    }
    if items <= EASE_ITEMS:
        for penalty in PENALTIES:
            found[f"ease {penalty:g}"] = ("ease", partial(ease, penalty=penalty))
    return found


def strongest(rows_of: Callable[[Ints], Doubles], items: int) -> tuple[Ints, Floats]:
    """Of each item the J items with the largest weights, and the weights; of equals the first.

    rows_of: places [b] -> weights [b, V].
    """
    count = min(NEIGHBOURS, items)
    near, weight = np.zeros((items, count), np.int64), np.zeros((items, count), np.float32)
    for start in range(0, items, BLOCK):
        rows = np.arange(start, min(start + BLOCK, items))
        found = rows_of(rows)
        order = np.argsort(-found, axis=1, kind="stable")[:, :count]
        near[rows], weight[rows] = order, np.take_along_axis(found, order, axis=1)
    return near, weight
