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
    """Bounds; accuracies, recalls and errors are shares, 0 to 1. What was measured of live and of damaged models, and
    how far each bound is from both: docs/log.md, "What healthy challengers show".

    margin: by how much the better baseline must be beaten; 0, because beating it is what is asked.
    tolerance: how much worse than the champion the lower confidence bound of the difference may be.
    forgetting: fall of the accuracy on the champion's own test items; healthy up to .010.
    class_floor: share of the mean recall over the classes (1 / K for guessing, 1 for a perfect model) below which the
        recall of no class may lie for certain, by its test samples and the number of classes. It finds a class that
        is lost (0); that one has fallen is found by class_drop, beside the champion's own recall, which no hard class
        offends. Healthy down to a recall of .19 at a mean of .78.
    class_drop: fall of one class's recall that its few items make certain; healthy up to .05.
    confidence: one-sided, of the comparisons with the champion and of the worst class. resamples: of their bootstrap.
    minimum_items: common test items, below which two models cannot be compared.
    calibration: largest expected calibration error; healthy up to .104, with logits times four .18, by four .41.
    rank_fraction: smallest effective rank of the features, of their width; healthy .27 to .43, the flattest objective
        on a convolution .11 (docs/objectives.md), 4 directions .026. Masked transformers lie below: give theirs.
    uniformity: largest; 0 is one point. Healthy up to -.24, features drawn to a fifth of their distances -.08.
    prototype_use: smallest perplexity of their use, of their number; healthy from .92, all in one 1 / number.
    churn: share of the old samples that may change their cluster; healthy up to .48, against the clusters of an
        untrained encoder .76, of chance .96.
    latency: seconds a sample, on one thread: a budget; the quickstart's took .009 beside eight other processes.
    size: bytes of the model as registered: a budget; the quickstart's are 1.3 million.
    """

    margin: NonNegativeFloat = 0.0
    tolerance: NonNegativeFloat = 0.01
    forgetting: NonNegativeFloat = 0.02
    class_floor: float = Field(default=0.1, ge=0, le=1)
    class_drop: NonNegativeFloat = 0.1
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    resamples: PositiveInt = 10_000
    minimum_items: PositiveInt = 50
    calibration: NonNegativeFloat = 0.15
    rank_fraction: NonNegativeFloat = 0.05
    uniformity: float = Field(default=-0.1, le=0)
    prototype_use: float = Field(default=0.3, ge=0, le=1)
    churn: float = Field(default=0.6, ge=0, le=1)
    latency: PositiveFloat = 0.5
    size: PositiveInt = 1_000_000_000


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
