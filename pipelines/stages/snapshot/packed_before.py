"""Samples that an earlier snapshot of the recipe has packed: their rows are copied, not decoded again.

Letters: N samples of the earlier snapshot.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.data.packed import Packed
from components.data.table import Table
from components.errors import UserError
from components.modalities.registry import ModalityConfig
from components.tasks.registry import TaskConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.code_digest import code_digest
from pipelines.engine.context import Context
from pipelines.inference.founding import founding, snapshots
from pipelines.inference.samples import samples_of
from pipelines.settings import Settings


class PackedBefore:
    """packed: all samples of the earlier snapshot. ids: [N], of its rows."""

    def __init__(self, packed: Packed, ids: NDArray[np.str_]) -> None:
        named = ids.astype("S64")  # a quarter of the memory
        self._order = np.argsort(named)
        self._ids, self._packed = named[self._order], packed

    def taken(self, ids: Sequence[str], encoded: Sequence[bytes]) -> list[Any]:
        """Each sample as a row of the arrays where it is known, else as it came."""
        wanted = np.array(ids, "S64")
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        known = self._ids[at] == wanted
        return [
            self._packed.row(row) if there else data
            for there, row, data in zip(known.tolist(), self._order[at].tolist(), encoded, strict=True)
        ]


def founded_on(modality: ModalityConfig, settings: Settings, recipe: str, now: str) -> dict[str, str]:
    """What of that is part of a snapshot's key: its packing, unless it was found in the samples that lie there now.

    now: digest of the recipe's data folder.
    """
    first = founding(modality, settings.store, recipe)
    if first is None or (first.observed.get(f"data/{recipe}") == now and "packing" not in first.observed):
        return {}
    found = json.dumps(first.output["packing"], sort_keys=True).encode()
    return {"packing": first.observed.get("packing") or hashlib.sha256(found).hexdigest()}


def style_before(task: TaskConfig, settings: Settings, recipe: str, now: str) -> dict[str, str]:
    """How the recipe's first snapshot with this task read label texts, where that is part of a snapshot's key: unless
    it was found in the labels that lie there now. now: digest of the recipe's data folder."""
    asked = task.model_dump(mode="json")
    made = [
        manifest for _, manifest in snapshots(settings.store, recipe) if manifest.request.get("task") == asked
    ]
    first = min(made, key=lambda manifest: manifest.started, default=None)
    if first is None or not first.output.get("style"):
        return {}
    own = first.observed.get(f"data/{recipe}") == now and "style" not in first.observed
    return {} if own else {"style": str(first.output["style"])}


def packed_before(modality: ModalityConfig, context: Context) -> PackedBefore | None:
    """The newest snapshot that was packed by the same code as asked now; None where there is none.

    One with a range of values found in its own samples is left alone: another first delivery would give another range.
    """
    asked = modality.model_dump(mode="json")
    made = [
        (manifest.started, reference, manifest)
        for reference, manifest in snapshots(context.store, context.recipe)
        if manifest.code == code_digest("snapshot", manifest.given)
        and manifest.request["modality"] == asked
        and manifest.output["packing"].get("range") is None
        and manifest.output["samples"]
    ]
    if not made:
        return None
    _, reference, newest = max(made, key=lambda one: one[0])
    try:
        samples = samples_of(reference, newest.output, context)
        table = context.file(reference, Artifact.model_validate(newest.output["table"]))
    except UserError:  # taken away or damaged: all is decoded again
        return None
    return PackedBefore(samples.open(), Table.load(table).ids)
