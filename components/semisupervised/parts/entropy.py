"""Entropy minimisation: an unlabelled sample should be of one class or another, not between.

Source: Grandvalet & Bengio 2004 (NIPS 17), equation 6.
Letters: N rows, K classes.
"""

from torch import Tensor

from components.precision import at_least_float32


def mean_entropy(logits: Tensor) -> Tensor:
    """[N, K] -> [] nats, the mean over rows of -sum_k p_k log p_k; log K for constant logits (K = 10:
    2.3025850930)."""
    log_p = at_least_float32(logits).log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1).mean()
