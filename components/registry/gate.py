"""The gate: named checks of a challenger, each with its figure, its bound and its verdict.

Fails closed: a figure that is missing or not a number fails its check, and the check says which. What does not
apply (no champion, no prototypes) is not checked. Checks beside other models are in comparison.py, those of
single classes in classes.py.
"""

import math
from collections.abc import Callable, Sequence

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from components.config import Config


class GateConfig(Config):
    """Bounds of the gate checks; accuracies, recalls and errors are shares, 0 to 1.

    What was measured of healthy and of damaged models, and how far each bound is from both: docs/log.md, "What healthy
    challengers show". "Healthy" below means the values of healthy models there.
    """

    margin: NonNegativeFloat = 0.0
    """Accuracy by which the better baseline must be exceeded."""

    tolerance: NonNegativeFloat = 0.01
    """How much lower than the champion's accuracy the lower confidence bound of the difference may be."""

    forgetting: NonNegativeFloat = 0.02
    """Largest fall of the accuracy on the champion's own test samples (healthy: up to 0.010)."""

    class_floor: float = Field(default=0.1, ge=0, le=1)
    """Share of the mean recall over the classes (1 / K for guessing, 1 for a perfect model); a class whose
    recall lies below it with certainty, given its test samples and the number of classes, is refused. It
    finds a class that is lost (recall 0); a class that has fallen is found by `class_drop` (healthy: down to
    a recall of 0.19 at a mean of 0.78)."""

    class_drop: NonNegativeFloat = 0.1
    """Largest fall of one class's recall that is certain, given its few test samples (healthy: up to
    0.05)."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """One-sided confidence level of the comparisons with the champion and of the worst class."""

    resamples: PositiveInt = 10_000
    """Bootstrap resamples of the comparisons with the champion."""

    minimum_items: PositiveInt = 50
    """Common test samples below which two models cannot be compared."""

    coverage: float = Field(default=0.0, ge=0, le=1)
    """Of a regression: how far the upper confidence limit of the share of true numbers inside of their interval may lie
    below the share that was promised."""

    calibration: NonNegativeFloat = 0.15
    """Largest expected calibration error (healthy: up to 0.104; logits times four 0.18, by four 0.41)."""

    rank_fraction: NonNegativeFloat = 0.05
    """Smallest effective rank of the features, as a share of their width (healthy: 0.27 to 0.43; the
    objective with the lowest rank on a convolutional network 0.11, docs/objectives.md; 4 directions 0.026).
    Masked transformers lie below: state their value."""

    uniformity: float = Field(default=-0.1, le=0)
    """Largest uniformity of the features; 0 is a single point (healthy: up to -0.24; features drawn to a
    fifth of their distances -0.08)."""

    prototype_use: float = Field(default=0.3, ge=0, le=1)
    """Smallest perplexity of the use of prototypes, as a share of their number (healthy: from 0.92; all
    samples on one prototype: 1 / number)."""

    churn: float = Field(default=0.6, ge=0, le=1)
    """Largest share of the old samples that change their cluster (healthy: up to 0.48; clusters of an
    untrained encoder 0.76; chance 0.96)."""

    latency: PositiveFloat = 0.5
    """Largest time of a prediction on one thread, in seconds a sample; the quickstart's took 0.009 beside
    eight other processes."""

    size: PositiveInt = 1_000_000_000
    """Largest size of the registered model in bytes; the quickstart's has 1.3 million."""


class Check(Config):
    """One check: `figure` is None where there was none to judge."""

    name: str
    figure: float | None
    bound: float
    passed: bool
    why: str


def at_least(name: str, figure: float | None, bound: float, what: str) -> Check:
    """Passes when figure >= bound."""
    return judge(name, figure, bound, what, ">=", lambda f: f >= bound)


def at_most(name: str, figure: float | None, bound: float, what: str) -> Check:
    """Passes when figure <= bound."""
    return judge(name, figure, bound, what, "<=", lambda f: f <= bound)


def judge(
    name: str, figure: float | None, bound: float, what: str, sign: str, passes: Callable[[float], bool]
) -> Check:
    """A check that passes where `passes` says so of a figure that is there."""
    if figure is None or not math.isfinite(figure):
        return missing(name, bound, f"{what} ({figure})")
    passed = passes(figure)
    why = f"{what} {_shown(figure)}, needed {sign} {_shown(bound)}"
    return Check(name=name, figure=float(figure), bound=bound, passed=passed, why=why)


def missing(name: str, bound: float, what: str) -> Check:
    """A check that fails for want of its figure."""
    return Check(name=name, figure=None, bound=bound, passed=False, why=f"figure missing: {what}")


def verdict(checks: Sequence[Check]) -> tuple[bool, str]:
    """Passed, and the reason in one line. No checks is no pass."""
    failed = [check for check in checks if not check.passed]
    if failed:
        return False, "; ".join(f"{check.name}: {check.why}" for check in failed)
    return bool(checks), f"all {len(checks)} checks passed" if checks else "no check was made"


def _shown(figure: float) -> str:
    return f"{figure:.4f}" if abs(figure) < 1e4 else f"{figure:,.0f}"
