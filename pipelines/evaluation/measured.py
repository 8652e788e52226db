"""The figures of all answers on the same test samples.

Letters: M test samples, K classes.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from components.config import Config
from components.evaluation import figures, metrics
from components.evaluation.calibration import CurveBin
from components.evaluation.figures import Figure
from components.evaluation.metrics import ClassRow

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
BASELINES = ("scratch", "logistic_pixels", "knn_pixels")  # the rest looks at our features


class Measured(Config):
    """metrics: accuracy, macro_f1 (each with _low, _high), margin over the best baseline (with _low, _high,
    paired), ece and log_loss (each with _before: as they were without the temperature), temperature.
    baselines: accuracy of scratch, logistic_pixels, knn_pixels; frozen: of knn and probe on the frozen
    features.
    intervals: of the accuracy of the model, of all of these, and of alone (the same encoder with the labels alone) and
    teacher (what the model was distilled from) where there are such; differences: of the model less each of them,
    paired.
    confusion: [K][K], row = truth. reliability: of the confidences after the temperature; reliability_before:
    without.
    """

    metrics: dict[str, float] = Field(default_factory=dict)
    best_baseline: str | None = None
    baselines: dict[str, float] = Field(default_factory=dict)
    frozen: dict[str, float] = Field(default_factory=dict)
    intervals: dict[str, Figure] = Field(default_factory=dict)
    differences: dict[str, Figure] = Field(default_factory=dict)
    per_class: dict[str, ClassRow] = Field(default_factory=dict)
    confusion: list[list[int]] = Field(default_factory=list)
    reliability: list[CurveBin] = Field(default_factory=list)
    reliability_before: list[CurveBin] = Field(default_factory=list)


def measured(
    answered: Mapping[str, Doubles],
    labels: Ints,
    names: list[str],
    temperature: float,
    *,
    bins: int,
    resamples: int,
    seed: int,
) -> Measured:
    """Every figure of the answers [M, K], which are logits or probabilities by name, against labels [M]. bins: of the
    calibration error."""
    how = {"resamples": resamples, "seed": seed}
    of, over = figures.accuracies(answered, labels, **how)
    best = max((name for name in BASELINES if name in of), key=lambda name: of[name].value)
    logits, before = answered["model"], answered["model"] * temperature
    counts = metrics.confusion(labels, logits.argmax(axis=1), len(names))
    return Measured(
        metrics={
            **figures.named("accuracy", of["model"]),
            **figures.named("macro_f1", figures.macro_f1(counts, **how)),
            **figures.named("margin", over[best]),
            **figures.calibration(logits, labels, bins),
            **figures.calibration(before, labels, bins, "_before"),
            "temperature": temperature,
        },
        best_baseline=best,
        baselines={name: of[name].value for name in BASELINES if name in of},
        frozen={name: of[name].value for name in ("knn", "probe")},
        intervals=of,
        differences=over,
        per_class=figures.class_rows(counts, names),
        confusion=[[int(n) for n in row] for row in counts],
        reliability=figures.curve(logits, labels, bins),
        reliability_before=figures.curve(before, labels, bins),
    )
