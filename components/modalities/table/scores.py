"""Numbers of any unit and distribution as ranks and normal scores, by the quantiles of the training samples.

Source: the quantile transformation of scikit-learn (QuantileTransformer): piecewise linear between quantiles, the
middle of the ranks where a value makes up several of them.
Deviations: the middle is taken for the smallest and the largest value, too, where scikit-learn gives 0 and 1; scores
end at the 0.1 % and 99.9 % points of the normal distribution, +-3.09, since 101 quantiles say no more of the tails.
Letters: B samples, F numeric features, Q quantiles of each.
"""

import torch
from torch import Tensor

EDGE = 1e-3


def ranks(x: Tensor, grid: Tensor) -> Tensor:
    """[B, F] numbers -> [B, F] their place among the training samples, 0 to 1; NaN stays NaN.

    grid: [F, Q] quantiles, not decreasing. With the quantiles 0, 1, 1, 3 the number 1 has rank .5 and 2 has 5/6.
    """
    steps = grid.shape[1] - 1
    values = x.T.to(grid.dtype).contiguous()
    below = torch.searchsorted(grid, values)  # quantiles that are smaller
    upto = torch.searchsorted(grid, values, right=True)  # quantiles that are not larger
    left = (below - 1).clamp(0, steps - 1)
    low, high = grid.gather(1, left), grid.gather(1, left + 1)
    within = ((values - low) / (high - low).clamp_min(torch.finfo(grid.dtype).tiny)).clamp(0, 1)
    between, equal = left + within, (below + upto - 1) / 2
    return (torch.where(upto > below, equal, between) / steps).T


def at_rank(p: Tensor, grid: Tensor) -> Tensor:
    """[B, F] ranks in [0, 1] -> [B, F] numbers: the quantiles at p."""
    steps = grid.shape[1] - 1
    place = p.T.clamp(0, 1).to(grid.dtype) * steps
    left = place.long().clamp(0, steps - 1)
    low, high = grid.gather(1, left), grid.gather(1, left + 1)
    return torch.lerp(low, high, place - left).T


def normal_scores(x: Tensor, grid: Tensor) -> Tensor:
    """[B, F] numbers -> [B, F] standard normal scores of their ranks, from -3.09 to 3.09; NaN stays NaN."""
    scores: Tensor = torch.special.ndtri(ranks(x, grid).clamp(EDGE, 1 - EDGE))
    return scores
