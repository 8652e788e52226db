"""How often a classifier is right, as a whole and class by class.

Letters: N samples, K classes. A class that is neither predicted nor present counts 0, as in scikit-learn with
zero_division=0; the macro mean runs over the classes that are present or predicted, as scikit-learn's does.
"""

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles, Ints
from components.config import Config


class ClassRow(Config):
    """precision, recall, f1: shares 0 to 1. support: samples of this class among the truth."""

    precision: float
    recall: float
    f1: float
    support: int


def confusion(labels: Ints, predicted: Ints, classes: int) -> Ints:
    """[K, K] counts: row = true class, column = predicted class.

    Args:
        labels, predicted: [N] in 0..K-1.

    Raises:
        ValueError: lengths differ, nothing came, or a value lies outside 0..K-1.
    """
    labels, predicted = np.asarray(labels, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if labels.shape != predicted.shape or labels.ndim != 1 or len(labels) == 0:
        raise ValueError(f"two equal [N] with N >= 1 are needed, got {labels.shape} and {predicted.shape}")
    lowest = min(labels.min(), predicted.min())
    highest = max(labels.max(), predicted.max())
    if lowest < 0 or highest >= classes:
        raise ValueError(f"classes 0..{classes - 1} are needed, got values from {lowest} to {highest}")
    flat = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def accuracy(labels: Ints, predicted: Ints) -> float:
    """Share of right predictions, 0 to 1."""
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.shape != predicted.shape or len(labels) == 0:
        raise ValueError(f"two equal [N] with N >= 1 are needed, got {labels.shape} and {predicted.shape}")
    return float((labels == predicted).mean())


def f1_of(counts: NDArray[np.generic]) -> Doubles:
    """[..., K, K] confusion counts -> [..., K] F1 = 2 TP / (2 TP + FP + FN), 0 where the class is absent."""
    hit = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    either = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.asarray(np.divide(2 * hit, either, out=np.zeros_like(hit), where=either > 0), dtype=np.float64)


def macro_f1(counts: NDArray[np.generic]) -> Doubles:
    """[..., K, K] -> [...]: mean F1 over the classes that are present or predicted."""
    seen = (counts.sum(axis=-1) + counts.sum(axis=-2)) > 0
    return np.asarray(f1_of(counts).sum(axis=-1) / seen.sum(axis=-1), dtype=np.float64)


def per_class(counts: Ints) -> list[ClassRow]:
    """[K, K] confusion counts -> a row a class."""
    hit = np.diagonal(counts).astype(np.float64)
    predicted, present = counts.sum(axis=0), counts.sum(axis=1)
    precision = np.divide(hit, predicted, out=np.zeros_like(hit), where=predicted > 0)
    recall = np.divide(hit, present, out=np.zeros_like(hit), where=present > 0)
    f1 = f1_of(counts)
    return [
        ClassRow(precision=float(p), recall=float(r), f1=float(f), support=int(n))
        for p, r, f, n in zip(precision, recall, f1, present, strict=True)
    ]
