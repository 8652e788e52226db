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
    """Bounds; accuracies, recalls and errors are shares, 0 to 1."""

    margin: NonNegativeFloat = 0.0  # by how much the better baseline must be beaten
    tolerance: NonNegativeFloat = 0.01  # how much worse than the champion the lower confidence bound may be
    forgetting: NonNegativeFloat = 0.02  # fall of the accuracy on the champion's own test items
    class_floor: NonNegativeFloat = 0.2  # recall of the worst class
    class_drop: NonNegativeFloat = 0.1  # fall of one class's recall that its few items make certain
    confidence: float = Field(default=0.95, gt=0.5, lt=1)  # one-sided, of the comparisons with the champion
    resamples: PositiveInt = 10_000
    minimum_items: PositiveInt = 50  # common test items, below which two models cannot be compared
    calibration: NonNegativeFloat = 0.15  # largest expected calibration error
    rank_fraction: NonNegativeFloat = 0.05  # smallest effective rank of the features, of their width
    uniformity: float = Field(
        default=-0.05, le=0
    )  # largest; 0: all features in one point, spread evenly: near -4
    prototype_use: float = Field(default=0.1, ge=0, le=1)  # smallest perplexity of their use, of their number
    churn: float = Field(default=0.8, ge=0, le=1)  # share of the old samples that may change their cluster
    latency: PositiveFloat = 0.5  # seconds a sample, on one thread
    size: PositiveInt = 1_000_000_000  # bytes of the model as registered


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
