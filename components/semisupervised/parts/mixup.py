"""Mixup: a sample and its target are drawn towards those of another.

Source: Zhang et al. 2018 (arXiv:1710.09412), equation 1; Jöhnk 1964 for the Beta draws.
Letters: B samples, K classes.
"""

import torch
from torch import Tensor

TRIES = 16  # of the rejection; at concentration 1, the worst, 2^-16 of all draws take the last try as it is


def mixed(own: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """share * own + (1 - share) * other; [B, ...] both, share [B] in [0, 1]. Share 1 changes nothing."""
    weight = share.reshape(-1, *[1] * (own.ndim - 1)).to(own.dtype)
    return weight * own + (1 - weight) * other


def beta(uniform: Tensor, concentration: float) -> Tensor:
    """[B, TRIES, 2] uniform numbers -> [B] draws of Beta(a, a), 0 < a <= 1.

    Jöhnk: with x = u^(1/a), y = v^(1/a), x / (x + y) where x + y <= 1, else again. In logarithms, for small
    powers vanish.
    """
    logs = uniform.double().clamp(min=1e-9).log() / concentration
    accepted = logs.logsumexp(dim=2) <= 0
    accepted[:, -1] = True
    first = accepted.int().argmax(dim=1)
    found: Tensor = logs.softmax(dim=2)[torch.arange(len(first), device=first.device), first, 0]
    return found.float()


def partners(hashes: Tensor) -> Tensor:
    """[B] numbers of rows -> [B] who is mixed with whom: the next in the order of the numbers, cyclically.

    A permutation without fixed point (B > 1) that belongs to the rows, whatever order they come in.
    """
    order = hashes.argsort(stable=True)
    other = torch.empty_like(order)
    other[order] = order.roll(-1)
    return other
