"""What the gate's checks of every task begin with: the challenger's evaluation, and predictions beside the champion's.

Imports no torch.
"""

from abc import ABC, abstractmethod
from typing import Any

from components.registry.gate import Check, GateConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest

Recorded = dict[str, Any]  # test item -> its cell, or the tuple of its cells


class TaskChecks(ABC):
    """evaluated, reference: manifest of the challenger's evaluation and its reference. made_of: baselines that are part
    of the model, or are it."""

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

    @abstractmethod
    def alone(self) -> list[Check]:
        """What needs no champion."""

    @abstractmethod
    def beside(self, champion: Manifest | None, reference: str) -> list[Check]:
        """Against the champion's own evaluation; None where it is lost: the gate then refuses."""

    def both(
        self, champion: Manifest | None, reference: str, *columns: str
    ) -> tuple[Recorded | None, Recorded | None]:
        """What challenger and champion recorded of each test item; None where an evaluation has no predictions.

        Raises:
            UserError: a file is gone or was changed.
        """
        ours = _recorded(self.evaluated, self.reference, columns, self.context)
        return ours, None if champion is None else _recorded(champion, reference, columns, self.context)


def _recorded(
    evaluated: Manifest, reference: str, columns: tuple[str, ...], context: Context
) -> Recorded | None:
    import pyarrow.parquet as pq

    if evaluated.output.get("predictions") is None:
        return None
    artifact = Artifact.model_validate(evaluated.output["predictions"])
    table = pq.read_table(context.file(reference, artifact), columns=["id", *columns]).to_pydict()
    first, *others = (table[column] for column in columns)
    return dict(zip(table["id"], zip(first, *others, strict=True) if others else first, strict=True))
