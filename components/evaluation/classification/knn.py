"""Weighted k nearest neighbours by cosine.

Source: Wu et al. 2018 (InstDisc), arXiv:1805.01978, section 3.4: a neighbour of cosine s votes with e^(s / T).
Letters: N samples in the bank, M queries, D features, K classes.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from components.encoders.neighbours import TEMPERATURE, weighted_votes


def knn(
    bank: Tensor,
    labels: Tensor,
    queries: Tensor,
    *,
    classes: int,
    k: int = 20,
    temperature: float = TEMPERATURE,
    chunk: int = 4096,
) -> Tensor:
    """[M, K] shares of the vote; rows sum to 1.

    At T = 0.1 a neighbour of cosine .9 outvotes one of .8 by e = 2.7183; at T = 0.07 by 4.1727.

    Args:
        bank: [N, D], labels: [N] in 0..K-1, queries: [M, D]; any length, any device (the same for all).
        classes: K, given by the caller: what occurs among the queries says nothing about it.
        k: neighbours; all N where there are fewer.
        chunk: queries at a time, which bounds the memory at chunk * N floats.

    Raises:
        ValueError: shapes do not fit, or k < 1.
    """
    if bank.ndim != 2 or queries.ndim != 2 or bank.shape[1] != queries.shape[1] or len(bank) != len(labels):
        raise ValueError(
            f"[N, D], [N] and [M, D] are needed, got {tuple(bank.shape)}, {tuple(labels.shape)} "
            f"and {tuple(queries.shape)}"
        )
    if k < 1 or len(bank) == 0:
        raise ValueError(f"k >= 1 and a bank that is not empty are needed, got k = {k}, N = {len(bank)}")
    known, votes = F.normalize(bank.float(), dim=1), []
    asked = F.normalize(queries.float(), dim=1)
    for start in range(0, len(asked), chunk):
        part = asked[start : start + chunk]
        cosine, index = (part @ known.T).topk(min(k, len(known)), dim=1)
        votes.append(weighted_votes(cosine, labels[index], classes, temperature))
    return torch.cat(votes)


def choose_k(
    bank: Tensor,
    labels: Tensor,
    *,
    classes: int,
    grid: Sequence[int] = (1, 3, 5, 10, 20),
    temperature: float = TEMPERATURE,
) -> int:
    """The k of the grid that names most of the bank right when each sample is left out; between equals the
    smaller."""
    z = F.normalize(bank.float(), dim=1)
    cosine = (z @ z.T).fill_diagonal_(-torch.inf)
    best, found = -1, grid[0]
    for k in grid:
        if k > len(z) - 1:
            break
        top, index = cosine.topk(k, dim=1)
        right = int((weighted_votes(top, labels[index], classes, temperature).argmax(dim=1) == labels).sum())
        best, found = (right, k) if right > best else (best, found)
    return found
