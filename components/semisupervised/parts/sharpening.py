"""Guesses made surer of themselves.

Source: Berthelot et al. 2019 (arXiv:1905.02249), equation 7.
Letters: B samples, K classes.
"""

from torch import Tensor


def sharpen(log_p: Tensor, temperature: float) -> Tensor:
    """p^(1/T) / sum p^(1/T), computed on logarithms; logits will do for log p, for the sum cancels.

    Args:
        log_p: [B, K]. temperature: > 0; 1 leaves p as it is, smaller is surer.

    Returns:
        [B, K], rows sum to 1. (.6, .3, .1) at .5: (.7826087, .1956522, .0217391).
    """
    return (log_p / temperature).softmax(dim=1)
