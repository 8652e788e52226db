"""Logit adjustment: a rare class is given a margin in training, so that errors count alike for every class.

Source: Menon et al. 2021 (arXiv:2007.07314), equation 10: softmax cross-entropy of logits + tau log prior.
The logits themselves, without the prior, are what is exported: they answer as if classes were equally common.
Letters: N rows, K classes.
"""

from torch import Tensor

LEAST = 1e-6  # share of a class that no label has


def adjusted(logits: Tensor, prior: Tensor, tau: float) -> Tensor:
    """[N, K] logits + tau * log prior [K] (sums to 1). Equal shares add a constant, which softmax ignores."""
    return logits if tau == 0 else logits + tau * prior.clamp(min=LEAST).log()
