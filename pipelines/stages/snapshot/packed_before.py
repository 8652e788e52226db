"""Samples that an earlier snapshot of the recipe has packed: their rows are copied, not decoded again.

Letters: N samples of the earlier snapshot.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.data.packed import Packed
from components.data.table import Table
from components.errors import UserError
from components.modalities.base import Packing
from components.modalities.registry import ModalityConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.code_digest import code_digest
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.inference.samples import samples_of


class PackedBefore:
    """packed: all samples of the earlier snapshot, packed as `packing`. ids: [N], of its rows."""

    def __init__(self, packed: Packed, packing: Packing, ids: NDArray[np.str_]) -> None:
        named = ids.astype("S64")  # a quarter of the memory
        self._order = np.argsort(named)
        self._ids, self._packed, self.packing = named[self._order], packed, packing

    def taken(self, ids: Sequence[str], encoded: Sequence[bytes]) -> list[Any]:
        """Each sample as a row of the arrays where it is known, else as it came."""
        wanted = np.array(ids, "S64")
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        known = self._ids[at] == wanted
        return [
            self._packed.row(row) if there else data
            for there, row, data in zip(known.tolist(), self._order[at].tolist(), encoded, strict=True)
        ]


def packed_before(modality: ModalityConfig, context: Context) -> PackedBefore | None:
    """The newest snapshot that was packed by the same code as asked now; None where there is none.

    One with a range of values found in its own samples is left alone: another first delivery would give another range.
    """
    asked = modality.model_dump(mode="json")
    made = [
        (manifest.started, f"snapshot/{file.parent.name}", manifest)
        for file in context.store.glob("snapshot/[!.]*/manifest.json")
        if (manifest := Manifest.model_validate_json(file.read_bytes())).recipe == context.recipe
        and manifest.code == code_digest("snapshot", manifest.given)
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
    return PackedBefore(samples.open(), samples.packing, Table.load(table).ids)
