"""Guesses drawn towards the class shares that they should have on average.

Source: Berthelot et al. 2020 (arXiv:1911.09785), section 3.1.
Letters: B samples on this rank, K classes.
"""

from torch import Tensor

from components.collectives import all_reduce_sum, world


def aligned(logits: Tensor, wanted: Tensor, mean: Tensor) -> Tensor:
    """[B, K] logits of p * wanted / mean: multiplying probabilities is adding logarithms.

    Args:
        logits: [B, K] of p. wanted: [K] shares. mean: [K] of p, so far. Shares below 1e-6 count as 1e-6.
    """
    return logits + wanted.clamp(min=1e-6).log() - mean.clamp(min=1e-6).log()


def everywhere(values: Tensor) -> Tensor:
    """[B, ...] -> [...]: the mean over the rows of all processes, the same bits on each; no gradient."""
    return all_reduce_sum(values.detach().mean(dim=0)) / world()
