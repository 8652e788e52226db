"""The gate: named checks of a challenger, each with its figure, its bound and its verdict.

Fails closed: a figure that is missing or not a number fails its check, and the check says which.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveInt

from components.config import Config
from components.evaluation.bootstrap import paired_difference


class GateConfig(Config):
    """Bounds; accuracies and errors are shares, 0 to 1."""

    margin: NonNegativeFloat = 0.0  # by how much the better baseline must be beaten
    tolerance: NonNegativeFloat = 0.01  # how much worse than the champion the lower confidence bound may be
    confidence: float = Field(default=0.95, gt=0.5, lt=1)  # one-sided
    resamples: PositiveInt = 10_000
    minimum_items: PositiveInt = 50  # common test items, below which two models cannot be compared
    class_floor: NonNegativeFloat = 0.2  # recall of the worst class
    calibration: NonNegativeFloat = 0.15  # largest expected calibration error
    rank_fraction: NonNegativeFloat = 0.05  # smallest effective rank of the features, of their width


class Check(Config):
    """One check: `figure` is None where there was none to judge."""

    name: str
    figure: float | None
    bound: float
    passed: bool
    why: str


def at_least(name: str, figure: float | None, bound: float, what: str) -> Check:
    """Passes when figure >= bound."""
    return _judge(name, figure, bound, what, ">=", lambda f: f >= bound)


def at_most(name: str, figure: float | None, bound: float, what: str) -> Check:
    """Passes when figure <= bound."""
    return _judge(name, figure, bound, what, "<=", lambda f: f <= bound)


def beats_baselines(
    accuracy: float | None, baselines: Mapping[str, float | None] | None, margin: float = 0.0
) -> Check:
    """The better baseline must be beaten, not only reached."""
    name, what = "baselines", "accuracy"
    missing = [key for key, value in (baselines or {}).items() if not _usable(value)]
    if not baselines or missing:
        why = f"figure missing: {', '.join(missing) or 'any baseline'}"
        return Check(name=name, figure=_clean(accuracy), bound=1.0, passed=False, why=why)
    best = max(baselines, key=lambda key: baselines[key] or 0.0)
    bound = float(baselines[best] or 0.0) + margin
    return _judge(name, accuracy, bound, f"{what} against {best}", ">", lambda f: f > bound)


def beats_champion(
    challenger: Mapping[str, bool] | None,
    champion: Mapping[str, bool] | None,
    config: GateConfig,
    seed: int = 0,
) -> Check:
    """Paired bootstrap on the test items both have answered: id -> was it right."""
    name, bound = "champion", -config.tolerance
    if challenger is None or champion is None:
        who = "challenger" if challenger is None else "champion"
        why = f"figure missing: the {who}'s answers on the test items"
        return Check(name=name, figure=None, bound=bound, passed=False, why=why)
    common = sorted(challenger.keys() & champion.keys())
    if len(common) < config.minimum_items:
        why = f"{config.minimum_items} common test items needed, got {len(common)}"
        return Check(name=name, figure=None, bound=bound, passed=False, why=why)
    both = (challenger, champion)
    right = [np.array([answers[item] for item in common], dtype=np.float64) for answers in both]
    two_sided = 2 * config.confidence - 1
    found = paired_difference(*right, resamples=config.resamples, level=two_sided, seed=seed)
    what = f"accuracy {found.value:+.4f} against the champion on {len(common)} common items, lower bound"
    return at_least(name, found.low, bound, what)


def worst_class(per_class: Mapping[str, Mapping[str, float]] | None, floor: float) -> Check:
    """Recall of the worst class that has test items."""
    name = "classes"
    if not per_class:
        why = "figure missing: recall of each class"
        return Check(name=name, figure=None, bound=floor, passed=False, why=why)
    recalls = {label: row.get("recall") for label, row in per_class.items() if row.get("support", 1)}
    for label, recall in recalls.items():
        if not _usable(recall):
            why = f"figure missing: recall of {label}"
            return Check(name=name, figure=None, bound=floor, passed=False, why=why)
    worst = min(recalls, key=lambda label: recalls[label] or 0.0, default=None)
    figure = None if worst is None else recalls[worst]
    return at_least(name, figure, floor, f"recall of the worst class ({worst})")


def verdict(checks: Sequence[Check]) -> tuple[bool, str]:
    """Passed, and the reason in one line. No checks is no pass."""
    failed = [check for check in checks if not check.passed]
    if failed:
        return False, "; ".join(f"{check.name}: {check.why}" for check in failed)
    return bool(checks), f"all {len(checks)} checks passed" if checks else "no check was made"


def _judge(
    name: str, figure: float | None, bound: float, what: str, sign: str, passes: Callable[[float], bool]
) -> Check:
    if figure is None or not math.isfinite(figure):
        why = f"figure missing: {what} ({figure})"
        return Check(name=name, figure=None, bound=bound, passed=False, why=why)
    passed = passes(figure)
    why = f"{what} {figure:.4f}, needed {sign} {bound:.4f}"
    return Check(name=name, figure=float(figure), bound=bound, passed=passed, why=why)


def _usable(figure: float | None) -> bool:
    return figure is not None and math.isfinite(figure)


def _clean(figure: float | None) -> float | None:
    return figure if _usable(figure) else None
