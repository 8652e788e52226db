"""How sure may a model be? As often as a second model says the same, where no or few labels can be held out.

Source: Jiang et al. 2022, "Assessing generalization of SGD via disagreement" (arXiv:2106.13799): two networks trained
apart disagree on unlabelled samples about as often as one of them is wrong. Deviation: the second is no other run of
the same training but of the labels alone; and it sets a temperature, at which the mean confidence is that share.
Held-out labels know the truth, of short trainings and with the noise of few labels; agreement knows the model itself
and not the truth, and grows too high where both models have learnt the same. So it counts up to the accuracy that the
held-out labels leave possible, and between the two is nearer than either (docs/log.md).
Letters: U unlabelled samples, K classes.
"""

import numpy as np

from components.arrays import Doubles
from components.evaluation.classification.calibration import HIGHEST, LOWEST, softmax

FEW = 50  # labels that agreement stands for
Z = 1.96  # standard deviations of a normal distribution: 97.5 % lie below


def agreement(logits: Doubles, other: Doubles) -> float:
    """Share of the samples [U, K] that both name alike, 0 to 1."""
    return float((logits.argmax(axis=1) == other.argmax(axis=1)).mean())


def possible(accuracy: float, labels: int) -> float:
    """The largest accuracy that is possible where `accuracy` of so many labels were right: the upper end of the 95 %
    Wilson interval. 1 where there are none; .5 of 100: .596."""
    if not labels:
        return 1.0
    spread = Z * float(np.sqrt(accuracy * (1 - accuracy) / labels + (Z / (2 * labels)) ** 2))
    return (accuracy + Z**2 / (2 * labels) + spread) / (1 + Z**2 / labels)


def temperature_for(logits: Doubles, confidence: float) -> float:
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


def together(held: float | None, labels: int, agreed: float | None) -> float:
    """A temperature between the one that `labels` held-out labels ask for and the one by agreement: their geometric
    mean up to 100 labels, nearer to the first with more, the one there is where there is one, 1 where there is none.

    4 by 100 labels and 1: 2. 16 by 200 labels and 1: 8.
    """
    if held is None or agreed is None:
        return held or agreed or 1.0
    share = min(0.5, FEW / labels)
    return float(np.clip(held ** (1 - share) * agreed**share, LOWEST, HIGHEST))
