"""The gate's checks of a regression: its baselines, the mean, its intervals; and the champion. Imports no torch.

Letters: M test items.
"""

from collections.abc import Mapping

import numpy as np

from components.evaluation.regression.metrics import difference, r2
from components.registry.comparison import whose
from components.registry.gate import Check, GateConfig, at_least, at_most, judge, missing
from pipelines.engine.manifest import Manifest
from pipelines.registry.task_checks import TaskChecks

Numbers = Mapping[str, tuple[float, float]]  # test item -> its number, the number predicted


class Checks(TaskChecks):
    def alone(self) -> list[Check]:
        said, bounds = self.evaluated.output, self.bounds
        metrics, coverage = said.get("metrics") or {}, said.get("coverage") or {}
        best, promised = said.get("best_baseline"), said.get("promised")
        inside = "share of true numbers inside of their interval, upper limit"
        checks = [
            judge(
                "baselines", metrics.get("margin"), bounds.margin, f"R² less that of {best}", ">",
                lambda figure: figure > bounds.margin,
            ),
            at_least(
                "baselines_interval", metrics.get("margin_low"), -bounds.tolerance,
                f"R² less that of {best}, lower limit over test samples",
            ),
            judge(
                "chance", metrics.get("r2_low"), 0.0, "R² (0 is the mean of the test samples), lower limit", ">",
                lambda figure: figure > 0,
            ),
        ]  # fmt: skip
        if promised is None:
            return [*checks, missing("coverage", 0.0, f"{inside}; there were too few labels for intervals")]
        return [*checks, at_least("coverage", coverage.get("high"), promised - bounds.coverage, inside)]

    def beside(self, champion: Manifest | None, reference: str) -> list[Check]:
        ours, theirs = self.both(champion, reference, "label", "prediction")
        return [beats_champion(ours, theirs, self.bounds), forgetting(ours, theirs, self.bounds.forgetting)]


def beats_champion(ours: Numbers | None, theirs: Numbers | None, bounds: GateConfig) -> Check:
    """Lower confidence bound of the difference of R²: paired bootstrap of the common items. An item's number is the
    challenger's, whose evaluation is the newer one."""
    name, bound = "champion", -bounds.tolerance
    if ours is None or theirs is None:
        return missing(name, bound, whose(None if ours is None else {}))
    truth, first, second = common(ours, theirs)
    if len(truth) < bounds.minimum_items:
        why = f"{bounds.minimum_items} common test items needed, got {len(truth)}"
        return Check(name=name, figure=None, bound=bound, passed=False, why=why)
    level = 2 * bounds.confidence - 1
    found = difference(truth, first, second, resamples=bounds.resamples, level=level)
    what = f"R² {found.value:+.4f} against the champion on {len(truth)} common items, lower bound over test samples"
    return at_least(name, found.low, bound, what)


def forgetting(ours: Numbers | None, theirs: Numbers | None, bound: float) -> Check:
    """Fall of R² on the champion's test items. An item that the challenger was not asked counts as predicted by the
    mean: else a test set could be thinned out until nothing is forgotten."""
    name = "forgetting"
    if ours is None or not theirs:
        return missing(name, bound, whose(None if ours is None else {}))
    items = sorted(theirs)
    truth = np.array([ours[item][0] if item in ours else theirs[item][0] for item in items])
    second = np.array([theirs[item][1] for item in items])
    first = np.array([ours[item][1] if item in ours else truth.mean() for item in items])
    unasked = sum(item not in ours for item in items)
    what = f"fall of R² on the champion's {len(items)} test items"
    fall = float(r2(truth, second) - r2(truth, first))
    return at_most(name, fall, bound, f"{what}, {unasked} of them not predicted," if unasked else what)


def common(ours: Numbers, theirs: Numbers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the items that both have predicted, sorted: their numbers [M], and what was predicted, each [M]."""
    items = sorted(ours.keys() & theirs.keys())
    rows = [(ours[item][0], ours[item][1], theirs[item][1]) for item in items]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]
