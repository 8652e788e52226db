"""The nearest neighbours of every sample, and what it costs not to share a class with them.

Source: Van Gansbeke et al. 2020 (arXiv:2005.12320), section 2.1 and the two terms of equation 2.
Letters: N samples, M of them asked for, B samples on this rank, D feature size, K clusters.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from components.collectives import all_reduce_sum, world

_CHUNK = 1024  # rows whose cosines with all others are in memory at once


def nearest(features: Tensor, count: int, rows: slice = slice(None), chunk: int = _CHUNK) -> Tensor:
    """[N, D] -> [M, count] int64: of the M rows that are asked for, the nearest others by cosine, nearest
    first. Memory: chunk * N cosines."""
    unit = F.normalize(features, dim=1)
    found = []
    for index in torch.split(torch.arange(len(unit), device=unit.device)[rows], chunk):
        cosines = unit[index] @ unit.T
        cosines[torch.arange(len(index)), index] = -torch.inf
        found.append(cosines.topk(count, dim=1).indices)
    return torch.cat(found) if found else torch.zeros(0, count, dtype=torch.int64, device=unit.device)


def consistency(scores: Tensor, neighbours: Tensor) -> Tensor:
    """[B, K] and [B, K] logits -> [] nats: mean of -log <p, q> over the samples of all ranks; ln K when both
    are uniform, 0 when both are sure of the same."""
    both = scores.log_softmax(dim=1) + neighbours.log_softmax(dim=1)
    return -both.logsumexp(dim=1).mean()


def spread(scores: Tensor) -> Tensor:
    """[B, K] logits -> [] nats: the entropy of the mean prediction over all ranks; at most ln K."""
    p = all_reduce_sum(scores.softmax(dim=1).mean(dim=0)) / world()
    return -torch.xlogy(p, p).sum()
