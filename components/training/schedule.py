"""Learning rate over a training: linear warm-up, then half a cosine (Loshchilov & Hutter 2017,
arXiv:1608.03983).

A pure function of progress, so that resuming needs no state and epochs of unequal length cost no special
case.
"""

import math


def rate(progress: float, *, warmup: float, floor: float = 0.0) -> float:
    """The share of the peak rate at `progress`.

    Args:
        progress: share of the training done, 0 to 1.
        warmup: share of the training spent rising from 0 to the peak, 0 <= warmup < 1.
        floor: share of the peak that remains at the end.

    Returns:
        0 to 1; exactly 1 at progress == warmup, (1 + floor) / 2 halfway between there and the end, floor at
        the end.
    """
    assert 0 <= warmup < 1
    if progress < warmup:
        return progress / warmup
    share = min(1.0, (progress - warmup) / (1 - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share))
