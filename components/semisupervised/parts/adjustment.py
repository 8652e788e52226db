"""Logit adjustment: a rare class is given a margin in training, so that errors count alike for every class.

Source: Menon et al. 2021 (arXiv:2007.07314), equation 10: softmax cross-entropy of logits + tau log prior.
The logits themselves, without the prior, are what is exported: they answer as if classes were equally common.
Letters: N rows, K classes.
"""

import torch
from torch import Tensor

LEAST = 1e-6  # share of a class that no label has


def adjusted(logits: Tensor, prior: Tensor, tau: float) -> Tensor:
    """[N, K] logits + tau * log prior [K] (sums to 1). Equal shares add a constant, which softmax ignores."""
    return logits if tau == 0 else logits + tau * prior.clamp(min=LEAST).log()


def unadjusted(bias: Tensor, prior: Tensor, tau: float) -> Tensor:
    """[K] bias of a head that was fitted without the margin, as if it had been fitted with it (equation 9): less tau *
    log prior [K]. A class that no label has keeps its own, or it would be answered always.

    Bias 0, prior (.9, .1, 0), tau 1: .105361, 2.302585, 0.
    """
    return torch.where(prior > 0, bias - adjusted(torch.zeros_like(bias), prior, tau), bias)
