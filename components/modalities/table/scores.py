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
NEAR = (
    -3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02, 1.383577518672690e02, -3.066479806614716e01,
    2.506628277459239e00,
)  # fmt: skip
NEAR_BELOW = (
    -5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02, 6.680131188771972e01, -1.328068155288572e01,
    1.0,
)  # fmt: skip
FAR = (
    -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00, -2.549732539343734e00,
    4.374664141464968e00, 2.938163982698783e00,
)  # fmt: skip
FAR_BELOW = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00, 1.0)


def ranks(x: Tensor, grid: Tensor) -> Tensor:
    """[B, F] numbers -> [B, F] their place among the training samples, 0 to 1; NaN stays NaN.

    grid: [F, Q] quantiles, not decreasing. With the quantiles 0, 1, 1, 3 the number 1 has rank .5 and 2 has 5/6.
    """
    steps = grid.shape[1] - 1
    values = x.T.to(grid.dtype).contiguous()
    if torch.onnx.is_in_onnx_export():  # ONNX has no searchsorted
        each, steps_of = values.unsqueeze(2), grid.unsqueeze(1)
        below, upto = (steps_of < each).sum(2), (steps_of <= each).sum(2)
    else:
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
    return normal(ranks(x, grid).clamp(EDGE, 1 - EDGE))


def standardised(x: Tensor, grid: Tensor) -> Tensor:
    """[B, F] numbers -> [B, F] of mean 0 and standard deviation 1 over the quantiles from 1 to 99 %, clipped to these;
    0 for a feature that is constant between them; NaN stays NaN.

    Normal scores bend what depends linearly on a number; these do not. Clipping bounds what one wrong cell can do.
    """
    inner = grid[:, 1:-1].double()
    mean, deviation = inner.mean(1), inner.std(1, correction=0)
    clipped = torch.minimum(torch.maximum(x.double(), inner[:, 0]), inner[:, -1])
    smallest = torch.finfo(torch.float32).eps * mean.abs()
    scale = torch.where(deviation > smallest, deviation, torch.inf)
    return ((clipped - mean) / scale).to(x.dtype)


def normal(p: Tensor) -> Tensor:
    """[...] probabilities from 0.001 to 0.999 -> points of the standard normal distribution below which they lie."""
    if torch.onnx.is_in_onnx_export():
        return _normal_by_fractions(p.double()).to(p.dtype)
    found: Tensor = torch.special.ndtri(p)
    return found


def _normal_by_fractions(p: Tensor) -> Tensor:
    """The same in operations that ONNX has, in float64, with a relative error below 1.15e-9.

    Source: P. J. Acklam's rational approximation, 2003.
    """
    tail = torch.minimum(p, 1 - p).clamp_min(1e-30)
    q = (-2 * tail.log()).sqrt()
    far = _polynomial(FAR, q) / _polynomial(FAR_BELOW, q) * torch.where(p < 0.5, 1.0, -1.0)
    r = p - 0.5
    near = r * _polynomial(NEAR, r * r) / _polynomial(NEAR_BELOW, r * r)
    return torch.where(tail < 0.02425, far, near)


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """The highest power first."""
    total = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total
