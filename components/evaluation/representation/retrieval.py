"""Is what lies next to a sample of its class? Retrieval by cosine, without a classifier.

Sources: recall at k as in metric learning (Jegou et al. 2011: one hit among k is enough); mAP@R, Musgrave et al. 2020
(arXiv:2003.08505), section 3.2; mean reciprocal rank, Voorhees 1999.
Letters: N samples in the gallery, M queries, D features, R samples of the query's class in the gallery.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrays import Bools, Ints
from components.errors import UserError

Floats = NDArray[np.floating]
CHUNK = 512  # queries at a time


@dataclass(frozen=True)
class Retrieval:
    """recall: k -> share of queries with one of their class among the k nearest. map_at_r: mean over queries of the
    mean precision at the hits among the R nearest. reciprocal_rank: mean of 1 / rank of the first hit."""

    recall: dict[int, float]
    map_at_r: float
    reciprocal_rank: float


def average_precision_at_r(hits: Bools, relevant: int) -> float:
    """Of one query: sum over the hits among the first R of the precision there, over R.

    R = 3, the nearest are hit, miss, hit: (1 + 2 / 3) / 3 = .5556.
    """
    first = hits[:relevant]
    precision = np.cumsum(first) / np.arange(1, len(first) + 1)
    return float((precision * first).sum() / relevant)


def retrieve(
    gallery: Floats,
    labels: Ints,
    queries: Floats | None = None,
    asked: Ints | None = None,
    *,
    ks: Sequence[int] = (1, 5, 10),
) -> Retrieval:
    """Of queries [M, D] with classes asked [M] in the gallery [N, D] with labels [N]; of the gallery itself, each
    sample left out where it asks, if no queries are given. A query without any of its class there does not count.

    Raises:
        UserError: shapes do not fit, or no query has one of its class in the gallery.
    """
    alone = queries is None
    x, y = (gallery, labels) if queries is None else (queries, asked)
    if y is None or len(x) != len(y) or len(gallery) != len(labels):
        raise UserError(
            "lengths-differ",
            f"as many labels as samples needed, got {len(gallery)} and {len(labels)}, queries {len(x)}",
        )
    bank, unit = _unit(gallery), _unit(x)
    found = {k: list[bool]() for k in ks}
    precision, rank = list[float](), list[float]()
    for start in range(0, len(unit), CHUNK):
        cosine = unit[start : start + CHUNK] @ bank.T
        if alone:
            own = np.arange(len(cosine))
            cosine[own, start + own] = -np.inf  # last, and cut off below
        order = np.argsort(-cosine, axis=1, kind="stable")[:, : len(bank) - alone]
        for hits in labels[order] == np.asarray(y)[start : start + CHUNK, None]:
            relevant = int(hits.sum())
            if not relevant:
                continue
            for k in ks:
                found[k].append(bool(hits[:k].any()))
            precision.append(average_precision_at_r(hits, relevant))
            rank.append(1 / (1 + int(hits.argmax())))
    if not rank:
        raise UserError(
            "labels-too-few",
            "no query has a sample of its class in the gallery; give more than one sample a class",
        )
    return Retrieval(
        {k: float(np.mean(v)) for k, v in found.items()}, float(np.mean(precision)), float(np.mean(rank))
    )


def _unit(x: Floats) -> Floats:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))
