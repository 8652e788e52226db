"""The samples of a recipe's newest snapshot: which have a label, how they are called, and how they are shown."""

from collections import Counter
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from components.data.table import Table
from components.errors import UserError
from components.modalities.registry import packed_as
from components.tasks.anomaly import Anomaly
from components.tasks.base import Task
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.store import read_manifest
from pipelines.flows.due import newest
from pipelines.inference.arrivals import arrivals
from pipelines.inference.samples import samples_of


class Catalogue:
    """reference: of the snapshot. table: of it.

    Raises:
        UserError: nothing was ingested yet, or a file of the snapshot was changed.
    """

    def __init__(self, context: Context, task: Task[Any]) -> None:
        found = newest("snapshot", context.recipe, context.store)
        if found is None:
            raise UserError(
                "no-samples",
                f"{context.recipe} has no samples yet: `selfsup run {context.recipe} --flow ingest` takes in what lies "
                "in its inbox",
            )
        self.reference, self._context, self._task = found, context, task
        self._output = read_manifest(found, context.store).output
        table = Artifact.model_validate(self._output["table"])
        self.table = Table.load(context.file(found, table))
        samples = samples_of(found, self._output, context)
        self._packed, self._packing = samples.open(), samples.packing
        self._modality = packed_as(samples.packing)
        self._rows = {str(id): row for row, id in enumerate(self.table.ids.tolist())}
        self._arrivals: dict[str, dict[str, tuple[str, str]]] = {}

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    @property
    def style(self) -> str:
        """How label texts are read; see components.tasks.base.Targets."""
        return str(self._output.get("style", ""))

    def unlabelled(self) -> list[str]:
        """Ids of the samples without a label, in order of id: the ids are hashes, so the order is random, and the same
        at every call."""
        ids: list[str] = np.sort(self.table.ids[self.table.label < 0]).tolist()
        return ids

    def label(self, id: str) -> str:
        """The label of a sample as text, "" where it has none."""
        row = self._rows[id]
        place = int(self.table.label[row])
        if place < 0:
            return ""
        if self.table.target is not None:
            return f"{self.table.target[row]:.15g}".replace(".", self.style or ".")
        if isinstance(self._task, Anomaly):
            return (self._task.config.anomalies if place else self._task.config.normal)[0]
        return str(self._output["classes"][place])

    def counts(self) -> dict[str, int]:
        """Class -> how many samples have it; none where labels are numbers."""
        if self.table.target is not None:
            return {}
        ids = self.table.ids[self.table.label >= 0].tolist()
        return dict(sorted(Counter(map(self.label, ids)).items()))

    def labelled(self) -> int:
        """How many samples have a label, those for testing included."""
        return int((self.table.label >= 0).sum())

    def for_testing(self, id: str) -> bool:
        """Whether the sample is held out: no prediction may suggest its label."""
        return str(self.table.split[self._rows[id]]) == "test"

    def name(self, id: str) -> tuple[str, str]:
        """Name and delivery of a sample as it came; empty where its shard was taken away."""
        shard = str(self.table.shards[self._rows[id]])
        if shard not in self._arrivals:
            self._arrivals[shard] = arrivals(shard, self._context)
        return self._arrivals[shard].get(id, ("", ""))

    def html(self, id: str, size: int, *, whole: bool = False) -> str:
        """A sample as safe HTML. size: of its longer side, in pixels. whole: all columns of a row, where `show` gives
        the first ones."""
        stored = self._packed.row(self._rows[id])
        value = self._modality.example(stored, self._packing) if whole else None
        if isinstance(value, Mapping) and all(isinstance(one, str | None) for one in value.values()):
            return row_table(value)
        return self._modality.show(stored, self._packing, size)


def row_table(values: Mapping[str, str | None]) -> str:
    """A row as an HTML table, a line a column; columns without a value are left out."""
    given = [(name, value) for name, value in values.items() if value is not None]
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in given)
    return f"<table>{cells}</table>"
