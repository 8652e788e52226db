"""How a measurement is written down: figures with their intervals, a row a class, a reliability curve.

Letters: M test samples, K classes.
"""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from components.config import Config
from components.evaluation import metrics
from components.evaluation.bootstrap import Interval, macro_f1_interval, mean_interval, paired_difference
from components.evaluation.calibration import ece, log_loss, reliability, softmax

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


class Figure(Config):
    """value on the test samples; low, high: 95 % percentile interval over resamples of them."""

    value: float
    low: float
    high: float


class ClassRow(Config):
    precision: float
    recall: float
    f1: float
    support: int


class CurveBin(Config):
    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


def accuracies(
    answers: Mapping[str, Doubles], labels: Ints, *, resamples: int, seed: int
) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Accuracy of each answer [M, K]; and of "model" less each of the others, read on the same samples."""
    how = {"resamples": resamples, "seed": seed}
    right = {name: answer.argmax(axis=1) == labels for name, answer in answers.items()}
    of = {name: _figure(mean_interval(r, **how)) for name, r in right.items()}
    over = {
        name: _figure(paired_difference(right["model"], r, **how))
        for name, r in right.items()
        if name != "model"
    }
    return of, over


def macro_f1(counts: Ints, *, resamples: int, seed: int) -> Figure:
    """Of [K, K] confusion counts."""
    return _figure(macro_f1_interval(counts, resamples=resamples, seed=seed))


def named(name: str, figure: Figure) -> dict[str, float]:
    """name, name_low and name_high."""
    return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}


def calibration(logits: Doubles, labels: Ints, bins: int, suffix: str = "") -> dict[str, float]:
    """ece and log_loss of logits [M, K], under names that end in `suffix`."""
    p = softmax(logits)
    error = ece(p.max(axis=1), p.argmax(axis=1) == labels, bins)
    return {f"ece{suffix}": error, f"log_loss{suffix}": log_loss(logits, labels)}


def curve(logits: Doubles, labels: Ints, bins: int) -> list[CurveBin]:
    """Confidence against accuracy, of logits [M, K]."""
    p = softmax(logits)
    return [CurveBin(**asdict(b)) for b in reliability(p.max(axis=1), p.argmax(axis=1) == labels, bins)]


def class_rows(counts: Ints, names: list[str]) -> dict[str, ClassRow]:
    """Of [K, K] confusion counts, by the name of the class."""
    return {name: ClassRow(**asdict(row)) for name, row in zip(names, metrics.per_class(counts), strict=True)}


def _figure(interval: Interval) -> Figure:
    return Figure(**asdict(interval))
