"""How many directions the features use, and whether they tell samples apart from views: figures of the spectrum.

Sources: alpha-ReQ, Agrawal et al. 2022 (arXiv:2202.05808), section 3; LiDAR, Thilak et al. 2023
(arXiv:2312.04000), equations 1 to 4.
Letters: n samples, q views of each, D feature size, r = min(n, D).
"""

import math

import torch
from torch import Tensor

FLOOR = 1e-12  # of the largest eigenvalue: what is below is rounding
RIDGE = 1e-4  # delta of LiDAR, in units of the mean variance
OFFSET = 1e-8  # epsilon of LiDAR
NOTHING = 1e-9  # scatter between samples, in units of that within, that is rounding


def spectrum(features: Tensor) -> Tensor:
    """[n, D] -> [r] eigenvalues of the covariance (divided by n), the largest first."""
    x = features.double()
    values: Tensor = torch.linalg.svdvals(x - x.mean(dim=0)).square() / len(x)
    return values


def decay(eigenvalues: Tensor) -> float:
    """alpha of lambda_j ~ j^-alpha, by least squares in logarithms over j = 11 to 50.

    Fewer than 50 eigenvalues: from a fifth of them on, so that the few largest, which carry the classes,
    stay out there too. About 1 is good; much more: few directions are used; 0: all alike, as of noise (and
    of features that are all equal). lambda_j = j^-1.5 gives 1.5.
    """
    last = min(50, len(eigenvalues))
    if last < 3:
        return 0.0
    first = last // 5
    largest = eigenvalues.max().clamp_min(torch.finfo(torch.float64).tiny)
    y = (eigenvalues[first:last].double() / largest).clamp_min(FLOOR).log()
    x = torch.arange(first + 1, last + 1, dtype=torch.float64).log()
    x, y = x - x.mean(), y - y.mean()
    return -float((x * y).sum() / x.square().sum())


def lidar(views: Tensor) -> float:
    """[n, q, D] features of q views of n samples -> number of directions that tell samples apart, 1 to min(n - 1, D).

    The exponential of the entropy of the eigenvalues of Sw^-1/2 Sb Sw^-1/2: scatter between samples in units
    of that within. The D unit vectors, with views that are equal, give D - 1: they lie in a plane.
    Deviations: a mean of q views still carries a q-th of the scatter within, which is taken off Sb, for
    published are 50 views and we look at few; the ridge is in units of the mean variance, so that the scale
    of the features does not matter.
    """
    n, q, size = views.shape
    x = views.double()
    centres = x.mean(dim=1)
    inside = (x - centres.unsqueeze(1)).reshape(-1, size)
    between = centres - centres.mean(dim=0)
    within = inside.T @ inside / max(1, n * (q - 1))
    scatter = between.T @ between / max(1, n - 1) - within / q
    unit = float((within.trace() + scatter.trace()) / size)
    if unit <= torch.finfo(torch.float64).tiny:
        return 1.0
    values, vectors = torch.linalg.eigh(within + RIDGE * unit * torch.eye(size, dtype=x.dtype))
    white = vectors / values.clamp_min(RIDGE * unit).sqrt()
    found = torch.linalg.eigvalsh(white.T @ scatter @ white)
    found = found.where(found > NOTHING, 0.0)
    if not bool(found.any()):
        return 1.0
    shares = found / found.sum() + OFFSET
    return math.exp(-float((shares * shares.log()).sum()))


def correlation(features: Tensor) -> float:
    """[n, D] -> mean |correlation| over the pairs of dimensions that vary; 0 best, 1 where they all say the same.

    1 where fewer than two vary.
    """
    x = features.double()
    x = x - x.mean(dim=0)
    length = x.norm(dim=0)
    varies = length > 1e-6 * x.abs().max().clamp_min(torch.finfo(torch.float64).tiny)
    count = int(varies.sum())
    if count < 2:
        return 1.0
    z = x[:, varies] / length[varies]
    return float(((z.T @ z).abs().sum() - count) / (count * (count - 1)))
