"""The gate's checks of rankings: the simple models of the field, chance, and the champion. Imports no torch.

A simple model may be served where it leads. It is then held to not being worse than another one beyond the noise,
instead of having to exceed itself.
"""

import numpy as np

from components.evaluation.classification.bootstrap import mean_interval
from components.registry import gate
from components.registry.gate import Check
from pipelines.engine.manifest import Manifest
from pipelines.registry.task_checks import TaskChecks


class Checks(TaskChecks):
    def alone(self) -> list[Check]:
        said = self.evaluated.output
        metrics = said.get("metrics") or {}
        if not metrics:
            why = said.get("unmeasured") or "no figures"
            return [Check(name="ranking", figure=None, bound=0.0, passed=False, why=why)]
        return [self._baselines(metrics, said), self._chance(metrics)]

    def _baselines(self, metrics: dict[str, float], said: dict[str, object]) -> Check:
        """The encoder must exceed the best simple model; a simple model must not be surely worse than it."""
        baselines: dict[str, float] = said.get("baselines") or {}  # type: ignore[assignment]
        if not baselines:
            return gate.missing("baselines", 0.0, "any baseline")
        best = max(baselines, key=lambda name: baselines[name])
        if said.get("method") != "encoder":
            what = f"NDCG@10 of {said.get('method')} less that of {best}, upper bound"
            return gate.at_least("baselines", metrics.get("margin_high"), 0.0, what)
        bound, what = baselines[best] + self.bounds.margin, f"NDCG@10 against {best}"
        return gate.judge("baselines", metrics.get("ndcg"), bound, what, ">", lambda f: f > bound)

    def _chance(self, metrics: dict[str, float]) -> Check:
        chance = metrics["chance"]
        what = "NDCG@10, lower bound, against that of a random order"
        return gate.judge("chance", metrics.get("ndcg_low"), chance, what, ">", lambda f: f > chance)

    def beside(self, champion: Manifest | None, reference: str) -> list[Check]:
        """Lower confidence bound of the difference of the NDCG on users whose history is the same in both."""
        ours, theirs = self.both(champion, reference, "ndcg")
        bound = -self.bounds.tolerance
        if ours is None or theirs is None:
            who = "challenger" if ours is None else "champion"
            return [gate.missing("champion", bound, f"the {who}'s gains of users")]
        common = sorted(ours.keys() & theirs.keys())
        if len(common) < self.bounds.minimum_items:
            what = (
                f"{self.bounds.minimum_items} common users with the same history needed, got {len(common)}; users of "
                "whom there are new events cannot be compared"
            )
            return [Check(name="champion", figure=None, bound=bound, passed=False, why=what)]
        apart = np.array([ours[user] - theirs[user] for user in common])
        level = 2 * self.bounds.confidence - 1
        over = mean_interval(apart, resamples=min(self.bounds.resamples, 2000), level=level)
        what = f"NDCG@10 {over.value:+.4f} against the champion on {len(common)} common users, lower bound"
        return [gate.at_least("champion", over.low, bound, what)]
