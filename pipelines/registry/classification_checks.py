"""The gate's checks of a classifier: its baselines, chance, its worst class, its calibration; and the champion.

Imports no torch.
"""

from collections.abc import Mapping
from typing import Any

from components.registry import class_checks, comparison, gate
from components.registry.comparison import Answers
from components.registry.gate import Check, GateConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest


class Checks:
    """evaluated, reference: manifest of the challenger's evaluation and its reference. made_of: baselines that are part
    of the model."""

    def __init__(
        self,
        evaluated: Manifest,
        reference: str,
        made_of: tuple[str, ...],
        bounds: GateConfig,
        context: Context,
    ) -> None:
        self.evaluated, self.reference, self.made_of = evaluated, reference, made_of
        self.bounds, self.context = bounds, context

    def alone(self) -> list[Check]:
        """What needs no champion."""
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
        """Against the champion's own evaluation; None where it is lost: the gate then refuses."""
        ours = answers_of(self.evaluated, self.reference, self.context)
        theirs = None if champion is None else answers_of(champion, reference, self.context)
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


def answers_of(evaluated: Manifest, reference: str, context: Context) -> Answers | None:
    """Test item -> its label, the class predicted; None where the evaluation left no predictions.

    Raises:
        UserError: the file is gone or was changed.
    """
    import pyarrow.parquet as pq

    if evaluated.output.get("predictions") is None:
        return None
    artifact = Artifact.model_validate(evaluated.output["predictions"])
    table = pq.read_table(context.file(reference, artifact), columns=["id", "label", "class"]).to_pydict()
    rows = zip(table["id"], table["label"], table["class"], strict=True)
    return {item: (label, answer) for item, label, answer in rows}
