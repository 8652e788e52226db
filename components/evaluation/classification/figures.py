"""How a measurement is written down: figures with their intervals, a row a class, a reliability curve.

Letters: M test samples, K classes.
"""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from components.arrays import Doubles, Ints
from components.config import Config
from components.evaluation.classification.bootstrap import (
    Interval,
    macro_f1_interval,
    paired_difference,
    share_interval,
)
from components.evaluation.classification.calibration import CurveBin, ece, log_loss, reliability, softmax
from components.evaluation.classification.metrics import ClassRow, per_class


class Figure(Config):
    """value on the test samples; low, high: 95 % interval over test samples."""

    value: float
    low: float
    high: float


def accuracies(
    answers: Mapping[str, Doubles], labels: Ints, *, resamples: int, seed: int
) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Accuracy of each answer [M, K]; and of "model" less each of the others, read on the same samples."""
    how = {"resamples": resamples, "seed": seed}
    right = {name: answer.argmax(axis=1) == labels for name, answer in answers.items()}
    of = {name: share(r) for name, r in right.items()}
    over = {
        name: figure_of(paired_difference(right["model"], r, **how))
        for name, r in right.items()
        if name != "model"
    }
    return of, over


def share(values: NDArray[np.bool_]) -> Figure:
    """Of [M] that are true."""
    return figure_of(share_interval(int(values.sum()), len(values)))


def macro_f1(counts: Ints, *, resamples: int, seed: int) -> Figure:
    """Of [K, K] confusion counts."""
    return figure_of(macro_f1_interval(counts, resamples=resamples, seed=seed))


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
    return reliability(p.max(axis=1), p.argmax(axis=1) == labels, bins)


def class_rows(counts: Ints, names: list[str]) -> dict[str, ClassRow]:
    """Of [K, K] confusion counts, by the name of the class."""
    return dict(zip(names, per_class(counts), strict=True))


def figure_of(interval: Interval) -> Figure:
    return Figure(**asdict(interval))
