"""The gate's checks of detectors of anomalies: their baselines, chance, their false alarms; and the champion.

Where the test set has too few labels none of that can be measured. Such a model may become the champion by the checks
that need no label (share of alarms, features, loading, latency, size), unless the champion was measured; the check
`ranking` says so. Imports no torch.
"""

import numpy as np

from components.evaluation.anomaly.intervals import precision_intervals
from components.registry import gate
from components.registry.gate import Check
from components.tasks.anomaly import ANOMALY
from pipelines.engine.manifest import Manifest
from pipelines.registry.task_checks import TaskChecks

MOST_ALARMS = 0.2  # share of all test samples; more are of no use to those who look at them
DEVIATIONS = 3.0  # standard errors by which false alarms may exceed their rate


class Checks(TaskChecks):
    def alone(self) -> list[Check]:
        said = self.evaluated.output
        what = "share of the test samples above the threshold"
        alarms = (
            []
            if said.get("alarm_rate") is None
            else [gate.at_most("alarms", said["alarm_rate"], MOST_ALARMS, what)]
        )
        metrics = said.get("metrics") or {}
        if not metrics:
            return [*self._unmeasured(), *alarms]
        return [
            self._beats_baselines(metrics, said.get("baselines") or {}),
            self._beyond_chance(metrics),
            *self._false_alarms(metrics),
            *alarms,
        ]

    def _unmeasured(self) -> list[Check]:
        """Says in the verdict that the ranking was not judged; there is nothing to refuse it by."""
        said = self.evaluated.output
        if not said.get("unmeasured"):
            return []
        why = f"not judged, {said['samples']} labelled test samples: {said['unmeasured']}"
        return [Check(name="ranking", figure=float(said["samples"]), bound=0.0, passed=True, why=why)]

    def _beats_baselines(self, metrics: dict[str, float], baselines: dict[str, float]) -> Check:
        """The best baseline must be beaten, not only reached; where that would take more than 1, 1 is enough."""
        if not baselines:
            return gate.missing("baselines", 1.0, "any baseline")
        best = max(baselines, key=lambda name: baselines[name])
        bound, what = min(1.0, baselines[best] + self.bounds.margin), f"average precision against {best}"
        figure = metrics.get("average_precision")
        if bound == 1.0:
            return gate.at_least("baselines", figure, bound, what)
        return gate.judge("baselines", figure, bound, what, ">", lambda f: f > bound)

    def _beyond_chance(self, metrics: dict[str, float]) -> Check:
        """A ranking by chance has the share of anomalies as its average precision."""
        share = metrics["anomalies"] / (metrics["anomalies"] + metrics["normals"])
        what = "average precision, lower bound, against the share of anomalies"
        return gate.judge(
            "chance", metrics.get("average_precision_low"), share, what, ">", lambda f: f > share
        )

    def _false_alarms(self, metrics: dict[str, float]) -> list[Check]:
        """Of the normal test samples at most the rate asked for, and what chance adds to it."""
        if "false_alarm_rate" not in metrics:
            return []
        asked = self.evaluated.given.get("task", {}).get("false_alarms", 0.01)
        bound = asked + DEVIATIONS * float(np.sqrt(asked * (1 - asked) / metrics["normals"]))
        what = f"share of the normal test samples above the threshold, for a rate of {asked:g},"
        return [gate.at_most("false alarms", metrics["false_alarm_rate"], bound, what)]

    def beside(self, champion: Manifest | None, reference: str) -> list[Check]:
        """Lower confidence bound of the difference of the average precision on common test items."""
        if champion is not None and not champion.output.get("metrics"):
            return []  # nothing is known of it
        ours, theirs = self.both(champion, reference, "label", "score")
        bound = -self.bounds.tolerance
        if ours is None or theirs is None:
            who = "challenger" if ours is None else "champion"
            return [gate.missing("champion", bound, f"the {who}'s scores of the test items")]
        common = sorted(ours.keys() & theirs.keys())
        anomaly = np.array([ours[item][0] == ANOMALY for item in common], dtype=bool)
        if len(common) < self.bounds.minimum_items or not 0 < anomaly.sum() < len(common):
            what = f"{self.bounds.minimum_items} common test items needed, anomalies and others, got {len(common)}"
            return [Check(name="champion", figure=None, bound=bound, passed=False, why=what)]
        each = {
            name: np.array([scores[item][1] for item in common])
            for name, scores in (("model", ours), ("champion", theirs))
        }
        _, over = precision_intervals(
            each, anomaly, resamples=min(self.bounds.resamples, 2000), level=2 * self.bounds.confidence - 1
        )
        what = f"average precision {over['champion'].value:+.4f} against the champion on {len(common)} common items"
        return [gate.at_least("champion", over["champion"].low, bound, f"{what}, lower bound")]
