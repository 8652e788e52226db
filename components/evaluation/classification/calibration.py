"""Does a confidence of 0.8 mean right in 80 of 100 cases? Expected calibration error, and one temperature to mend
it.

Source: Guo et al. 2017, arXiv:1706.04599, equation 3 (ECE) and section 4.2 (temperature). The
temperature minimises the negative log likelihood of logits that were *cross-fitted*: each label's logits come from
a model that was not trained on it. Fitted on the training labels themselves it would only sharpen.
Letters: N samples, K classes, M bins.
"""

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles, Ints
from components.config import Config

LOWEST, HIGHEST = 0.05, 20.0  # a temperature outside this range says that the evidence is degenerate


class CurveBin(Config):
    """Samples with confidence in (lower, upper]. confidence and accuracy are means, 0 where count is 0."""

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


def reliability(confidence: Doubles, correct: NDArray[np.generic], bins: int = 15) -> list[CurveBin]:
    """The reliability curve over `bins` bins of equal width on (0, 1].

    Args:
        confidence: [N] in [0, 1], the probability given to the predicted class.
        correct: [N] bool, whether that class is the true one.

    Raises:
        ValueError: lengths differ, N = 0, or a confidence lies outside [0, 1].
    """
    confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if confidence.shape != correct.shape or confidence.ndim != 1 or len(confidence) == 0:
        raise ValueError(f"two equal [N] with N >= 1 are needed, got {confidence.shape} and {correct.shape}")
    if not ((confidence >= 0) & (confidence <= 1 + 1e-6)).all():
        raise ValueError("confidences in [0, 1] are needed: give probabilities, not logits")
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    mean = np.bincount(place, confidence, minlength=bins) / np.maximum(count, 1)
    right = np.bincount(place, correct, minlength=bins) / np.maximum(count, 1)
    return [
        CurveBin(
            lower=float(edges[m]),
            upper=float(edges[m + 1]),
            count=int(count[m]),
            confidence=float(mean[m]),
            accuracy=float(right[m]),
        )
        for m in range(bins)
    ]


def ece(confidence: Doubles, correct: NDArray[np.generic], bins: int = 15) -> float:
    """Expected calibration error, 0 to 1: sum over bins of (share of samples) |accuracy - confidence|.

    Exactly 0.3 when every confidence is 0.8 and half of the samples are right.
    """
    curve = reliability(confidence, correct, bins)
    total = sum(b.count for b in curve)
    return sum(b.count * abs(b.accuracy - b.confidence) for b in curve) / total


def softmax(logits: Doubles) -> Doubles:
    """[N, K] -> [N, K], rows sum to 1, without overflow."""
    logits = np.asarray(logits, dtype=np.float64)
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float64)


def log_loss(logits: Doubles, labels: Ints) -> float:
    """Mean negative log likelihood in nats; log K for constant logits."""
    logits = np.asarray(logits, dtype=np.float64)
    top = logits.max(axis=1)
    log_sum = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return float((log_sum - logits[np.arange(len(labels)), labels]).mean())


def fit_temperature(logits: Doubles, labels: Ints) -> float:
    """The T > 0 for which softmax(logits / T) gives `labels` the highest likelihood.

    The loss is convex in 1/T, so bisection on its slope, mean(E_p[logit] - logit of the label), finds it.

    Args:
        logits: [N, K] cross-fitted; labels: [N] in 0..K-1.

    Returns:
        T in [0.05, 20]; the bound itself where all labels are ranked first (or none of the logits says
        anything).
    """
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if logits.ndim != 2 or len(logits) != len(labels) or len(labels) == 0:
        raise ValueError(f"[N, K] logits and [N] labels are needed, got {logits.shape} and {labels.shape}")
    own = logits[np.arange(len(labels)), labels]

    def slope(sharpness: float) -> float:
        return float(((softmax(logits * sharpness) * logits).sum(axis=1) - own).mean())

    low, high = 1 / HIGHEST, 1 / LOWEST
    if slope(low) >= 0:
        return HIGHEST
    if slope(high) <= 0:
        return LOWEST
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return float((low * high) ** -0.5)
