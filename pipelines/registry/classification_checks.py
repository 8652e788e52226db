"""The gate's checks of a classifier: its baselines, chance, its worst class, its calibration; and the champion.

Imports no torch.
"""

from collections.abc import Mapping
from typing import Any

from components.registry import class_checks, comparison, gate
from components.registry.gate import Check
from pipelines.engine.manifest import Manifest
from pipelines.registry.task_checks import TaskChecks


class Checks(TaskChecks):
    def alone(self) -> list[Check]:
        said, bounds = self.evaluated.output, self.bounds
        metrics = said.get("metrics") or {}
        return [
            comparison.beats_baselines(
                metrics.get("accuracy"), said.get("baselines"), bounds.margin, made_of=self.made_of
            ),
            class_checks.beyond_chance((said.get("benefit") or {}).get("kappa"), said.get("per_class")),
            class_checks.worst_class(said.get("per_class"), bounds),
            *method(said.get("benefit")),
            gate.at_most("calibration", metrics.get("ece"), bounds.calibration, "expected calibration error"),
        ]

    def beside(self, champion: Manifest | None, reference: str) -> list[Check]:
        ours, theirs = self.both(champion, reference, "label", "class")
        noise = self.evaluated.output.get("training_deviation")
        return [
            comparison.beats_champion(ours, theirs, self.bounds, noise=noise),
            comparison.forgetting(ours, theirs, self.bounds.forgetting),
            class_checks.class_drops(ours, theirs, self.bounds),
        ]


def method(benefit: Mapping[str, Any] | None) -> list[Check]:
    """A method that hurts is refused: with certainty worse than the same encoder with the labels alone, whether all
    of it was trained or a head on it. Nothing where these were all that was learnt from."""
    if benefit is None or benefit["word"] is None:
        return []
    what = f"accuracy of {benefit['method']} less that of the labels alone, upper bound"
    return [gate.at_least("method", (benefit["difference"] or {}).get("high"), 0.0, what)]
