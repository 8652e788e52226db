"""The gate's checks of a segmentation: its baselines, its calibration; and the champion. Imports no torch.

Letters: M test images.
"""

from collections.abc import Mapping

import numpy as np

from components.evaluation.classification.bootstrap import paired_difference
from components.registry.comparison import whose
from components.registry.gate import Check, GateConfig, at_least, at_most, judge, missing
from pipelines.engine.manifest import Manifest
from pipelines.registry.task_checks import TaskChecks

Scores = Mapping[str, float]  # test image -> Dice


class Checks(TaskChecks):
    def alone(self) -> list[Check]:
        said, bounds = self.evaluated.output, self.bounds
        metrics, best = said.get("metrics") or {}, said.get("best_baseline")
        return [
            judge(
                "baselines", metrics.get("margin"), bounds.margin, f"Dice less that of {best}", ">",
                lambda figure: figure > bounds.margin,
            ),
            at_least(
                "baselines_interval", metrics.get("margin_low"), -bounds.tolerance,
                f"Dice less that of {best}, lower limit over test images",
            ),
            at_most(
                "calibration", metrics.get("ece"), bounds.calibration, "expected calibration error of the pixels"
            ),
        ]  # fmt: skip

    def beside(self, champion: Manifest | None, reference: str) -> list[Check]:
        ours, theirs = self.both(champion, reference, "dice")
        return [beats_champion(ours, theirs, self.bounds), forgetting(ours, theirs, self.bounds.forgetting)]


def beats_champion(ours: Scores | None, theirs: Scores | None, bounds: GateConfig) -> Check:
    """Lower confidence bound of the difference of the mean Dice on the common images, paired."""
    name, bound = "champion", -bounds.tolerance
    if ours is None or theirs is None:
        return missing(name, bound, whose(None if ours is None else {}))
    items = sorted(ours.keys() & theirs.keys())
    if len(items) < bounds.minimum_items:
        why = f"{bounds.minimum_items} common test images needed, got {len(items)}"
        return Check(name=name, figure=None, bound=bound, passed=False, why=why)
    first, second = (np.array([scores[item] for item in items]) for scores in (ours, theirs))
    level = 2 * bounds.confidence - 1
    found = paired_difference(first, second, resamples=bounds.resamples, level=level)
    what = f"Dice {found.value:+.4f} against the champion on {len(items)} common images, lower bound over test images"
    return at_least(name, found.low, bound, what)


def forgetting(ours: Scores | None, theirs: Scores | None, bound: float) -> Check:
    """Fall of the mean Dice on the champion's test images. An image that the challenger was not asked counts as 0:
    else a test set could be thinned out until nothing is forgotten."""
    name = "forgetting"
    if ours is None or not theirs:
        return missing(name, bound, whose(None if ours is None else {}))
    fall = float(np.mean([theirs[item] - ours.get(item, 0.0) for item in theirs]))
    unasked = sum(item not in ours for item in theirs)
    what = f"fall of Dice on the champion's {len(theirs)} test images"
    return at_most(name, fall, bound, f"{what}, {unasked} of them not predicted," if unasked else what)
