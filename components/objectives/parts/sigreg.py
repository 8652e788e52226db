"""SIGReg: embeddings are held to the standard normal distribution, one random direction at a time.

Source: Balestriero & LeCun 2025 (arXiv:2511.08544), section 4; the statistic is that of Epps & Pulley 1983
(doi:10.1093/biomet/70.3.723), its weight exp(-t^2 / 2), its integral the trapezoidal rule on knots in [-3, 3], as in
the authors' code (which halves the interval, as the integrand is even).
Letters: n samples on this rank, W ranks, E embedding size, M directions, T knots.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from components.collectives import all_reduce_sum, world
from components.objectives.parts.sample_rng import Chance
from components.precision import at_least_float32

REACH = 3.0  # of the integral, to either side


def epps_pulley(values: Tensor, knots: int) -> Tensor:
    """How far the numbers of all ranks are from a standard normal sample.

    Args:
        values: [..., n, M], each column a sample; n equal on every rank.
        knots: T >= 2, of the integral over [0, 3].

    Returns:
        [..., M] Wn times the integral over t of |mean exp(i t x) - exp(-t^2 / 2)|^2 exp(-t^2 / 2). Of a normal sample
        its mean is the same for every n: 1.0525 for 17 knots.
    """
    with torch.autocast(values.device.type, enabled=False):
        values = at_least_float32(values)
        t = torch.linspace(0, REACH, knots, dtype=values.dtype, device=values.device)
        normal = (-t.square() / 2).exp()
        weights = torch.full_like(t, 2 * REACH / (knots - 1))
        weights[0], weights[-1] = weights[0] / 2, weights[-1] / 2
        angles = values.unsqueeze(-1) * t  # [..., n, M, T]
        samples = values.shape[-2] * world()
        sums = all_reduce_sum(torch.stack([angles.cos().sum(dim=-3), angles.sin().sum(dim=-3)]))
        real, imaginary = sums / samples
        apart = (real - normal).square() + imaginary.square()
        found: Tensor = samples * (apart @ (weights * normal))
        return found


def directions(chance: Chance, size: int, count: int) -> Tensor:
    """[E, M] random directions of length 1; the same on every rank, others after each step."""
    rows = torch.arange(size, device=chance.seed.device)
    return F.normalize(chance.normal(rows, count), dim=0)
