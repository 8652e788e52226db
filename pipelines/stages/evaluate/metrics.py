"""The figures of all answers on the same test samples.

Letters: M test samples, K classes.
"""

import math
from collections.abc import Collection, Mapping

from pydantic import Field

from components.arrays import Doubles, Ints
from components.config import Config
from components.evaluation.classification import figures, metrics
from components.evaluation.classification.bootstrap import Interval
from components.evaluation.classification.calibration import CurveBin
from components.evaluation.classification.figures import Figure, figure_of
from components.evaluation.classification.metrics import ClassRow
from components.evaluation.classification.training_noise import widened

# the rest looks at our features
BASELINES = ("scratch", "logistic_plain", "boosting_plain", "caption_plain", "knn_plain")
TRAINED = ("scratch", "alone", "own")  # networks whose accuracy depends on the seed of their training


class Measured(Config):
    """metrics: accuracy, macro_f1 (each with _low, _high), margin over the best baseline that is not part of the
    model (with _low, _high, as in differences), ece and log_loss (each with _before: as they were without the
    temperature), temperature.
    baselines: accuracy of scratch, logistic_plain, knn_plain, of tables boosting_plain, of pairs caption_plain;
    frozen: of knn and probe on the
    frozen features.
    intervals: of the accuracy of the model, of all of these, and of alone (the same encoder with the labels alone) and
    own (the method's own network) where there are such; differences: of the model less each of them,
    paired, over test samples and training noise.
    training_deviation: standard deviation of a network's accuracy between trainings
    (components.evaluation.classification.training_noise).
    confusion: [K][K], row = truth. reliability: of the confidences after the temperature; reliability_before:
    without.
    """

    metrics: dict[str, float] = Field(default_factory=dict)
    best_baseline: str | None = None
    baselines: dict[str, float] = Field(default_factory=dict)
    frozen: dict[str, float] = Field(default_factory=dict)
    intervals: dict[str, Figure] = Field(default_factory=dict)
    differences: dict[str, Figure] = Field(default_factory=dict)
    training_deviation: float | None = None
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
    deviation: float = 0.0,
    made_of: Collection[str] = (),
) -> Measured:
    """Every figure of the answers [M, K], which are logits or probabilities by name, against labels [M].

    Args:
        bins: of the calibration error. deviation: of a network's accuracy between trainings. made_of: baselines that
            are part of the model; where all are, the best of them stands in for the best baseline.
    """
    how = {"resamples": resamples, "seed": seed}
    of, paired = figures.accuracies(answered, labels, **how)
    over = {name: with_training_noise(name, figure, deviation) for name, figure in paired.items()}
    present = [name for name in BASELINES if name in of]
    outside = [name for name in present if name not in made_of]
    best = max(outside or present, key=lambda name: of[name].value)
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
        training_deviation=deviation,
        per_class=figures.class_rows(counts, names),
        confusion=[[int(n) for n in row] for row in counts],
        reliability=figures.curve(logits, labels, bins),
        reliability_before=figures.curve(before, labels, bins),
    )


def with_training_noise(name: str, difference: Figure, deviation: float) -> Figure:
    """Model less another, over test samples and training noise: that of both where the other was trained from random
    numbers too, else the model's alone."""
    trainings = 2 if name in TRAINED else 1
    interval = Interval(difference.value, difference.low, difference.high)
    return figure_of(widened(interval, math.sqrt(trainings) * deviation))
