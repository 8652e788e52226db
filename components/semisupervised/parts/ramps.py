"""How the weight of an unsupervised term grows while the network is still to learn what it is asked about.

Each takes the share of the training that is done, [] in 0..1, and the share `length` that growing takes, and
gives a factor [] in 0..1; 1 throughout where length is 0.
"""

import math

import torch
from torch import Tensor


def linear(progress: Tensor, length: float) -> Tensor:
    """0 at the start, .5 halfway. Berthelot et al. 2019 (arXiv:1905.02249), section 4.1."""
    return (progress / length).clamp(max=1) if length else torch.ones_like(progress)


def gaussian(progress: Tensor, length: float) -> Tensor:
    """exp(-5 (1 - x)^2): .0067379 at the start, .2865 halfway. Laine & Aila 2017 (arXiv:1610.02242), section
    2.1."""
    return torch.exp(-5 * (1 - linear(progress, length)).square())


def half_cosine(progress: Tensor, length: float) -> Tensor:
    """(1 - cos(pi x)) / 2: 0 at the start, .5 halfway. Roelofs et al. 2022 (arXiv:2106.04732), section 3.4."""
    return (1 - torch.cos(math.pi * linear(progress, length))) / 2
