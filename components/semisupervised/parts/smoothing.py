"""Targets as rows of class shares, smoothed where that is wanted.

Source: Szegedy et al. 2016 (arXiv:1512.00567), section 7: (1 - e) y + e / K.
Letters: N rows, K classes.
"""

import torch.nn.functional as F
from torch import Tensor


def shares(targets: Tensor, classes: int) -> Tensor:
    """[N] int64 classes, -1 for none, or [N, K] shares already -> [N, K] float32; a row of none is zeros."""
    if targets.ndim == 2:
        return targets.float()
    return F.one_hot(targets.clamp(min=0), classes).float() * (targets >= 0).unsqueeze(1)


def smoothed(given: Tensor, amount: float) -> Tensor:
    """[N, K] shares -> (1 - amount) * given + amount * row sum / K. K = 10, .1: the class .91, others .01."""
    return (1 - amount) * given + amount * given.sum(dim=1, keepdim=True) / given.shape[1]
