"""Losses that wrong labels hurt less than they hurt cross-entropy.

Sources: generalised cross-entropy, Zhang & Sabuncu 2018 (arXiv:1805.07836), equation 6: (1 - p_y^q) / q;
symmetric cross-entropy, Wang et al. 2019 (arXiv:1908.06112), equation 8: alpha CE(y, p) + beta CE(p, y) with
log 0 taken as A; early-learning regularisation, Liu et al. 2020 (arXiv:2007.00151), equations 6 and 9:
CE + lambda log(1 - <p, t>), t a running mean of the sample's own p.
For soft targets (mixed or smoothed) each is read with the shares y in place of one class.
Letters: N rows, K classes. targets: [N, K] shares, rows sum to 1 (or to 0: no target, loss 0).
"""

import torch
from torch import Tensor

NEAREST = 1e-4  # of 1 - <p, t>, whose logarithm must stay finite (the authors' code clamps there too)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """[N] -sum_k y_k log p_k; log K for constant logits."""
    return -(targets * logits.log_softmax(dim=1)).sum(dim=1)


def generalised(logits: Tensor, targets: Tensor, q: float) -> Tensor:
    """[N] sum_k y_k (1 - p_k^q) / q, between cross-entropy (q -> 0) and the mean absolute error (q = 1).

    p = 1/4, q = .5: 1.
    """
    log_p = logits.log_softmax(dim=1)
    return (targets * -torch.expm1(q * log_p)).sum(dim=1) / q


def symmetric(logits: Tensor, targets: Tensor, alpha: float, beta: float, floor: float) -> Tensor:
    """[N] alpha CE(y, p) + beta CE(p, y), log y not below `floor` (A < 0, published: -4).

    One class y: the second term is -A (1 - p_y).
    """
    backwards = (targets.clamp(min=1e-30).log().clamp(min=floor) * logits.softmax(dim=1)).sum(dim=1)
    given = targets.sum(dim=1)  # 0: no target
    return alpha * cross_entropy(logits, targets) - beta * given * backwards


def early(logits: Tensor, remembered: Tensor) -> Tensor:
    """[N] log(1 - <p, t>), t [N, K] what the sample was held to be; 0 for t = 0, falls as p agrees with t."""
    agreement = (logits.softmax(dim=1) * remembered.detach()).sum(dim=1)
    return (1 - agreement).clamp(min=NEAREST).log()


@torch.no_grad()
def remember(memory: Tensor, index: Tensor, logits: Tensor, momentum: float) -> None:
    """memory [R, K] of rows index [N] <- momentum * memory + (1 - momentum) * p, in place.

    A row that comes several times moves once, towards the mean of its p.
    """
    rows, where = index.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    p = logits.softmax(dim=1)
    total = p.new_zeros(len(rows), p.shape[1]).index_add_(0, where, p)
    counts = p.new_zeros(len(rows)).index_add_(0, where, torch.ones_like(p[:, 0]))
    memory[rows] = momentum * memory[rows] + (1 - momentum) * total / counts.unsqueeze(1)
