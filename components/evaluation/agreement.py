"""How sure may a model be where no label can be held out? As often as a second model says the same.

Source: Jiang et al. 2022, "Assessing generalization of SGD via disagreement" (arXiv:2106.13799): two networks trained
apart disagree on unlabelled samples about as often as one of them is wrong. Deviation: the second is no other run of
the same training but of the labels alone, the weaker of the two, so the share errs on the side of modesty as a rule;
and it sets a temperature, at which the mean confidence is that share.
Letters: U unlabelled samples, K classes.
"""

import numpy as np
from numpy.typing import NDArray

from components.evaluation.calibration import HIGHEST, LOWEST, softmax

Floats = NDArray[np.float64]


def agreement(logits: Floats, other: Floats) -> float:
    """Share of the samples [U, K] that both name alike, 0 to 1."""
    return float((logits.argmax(axis=1) == other.argmax(axis=1)).mean())


def temperature_for(logits: Floats, confidence: float) -> float:
    """T in [.05, 20] at which the largest of softmax(logits / T) is `confidence` on average; the bound where no T gives
    that. Two classes, logits (1, 0) and confidence 1 / (1 + e^-2): .5.

    The mean falls as T grows, so bisection finds it.
    """
    logits, (low, high) = np.asarray(logits, dtype=np.float64), (LOWEST, HIGHEST)
    for _ in range(60):
        middle = (low * high) ** 0.5
        above = softmax(logits / middle).max(axis=1).mean() > confidence
        low, high = (middle, high) if above else (low, middle)
    return float((low * high) ** 0.5)
