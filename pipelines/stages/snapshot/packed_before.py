"""Samples that an earlier snapshot of the recipe has decoded: their rows are copied, not decoded again.

Letters: N samples of the earlier snapshot, C channels, S side in pixels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.arrays import Pixels
from components.data.table import Table
from components.errors import UserError
from components.modalities import ModalityConfig
from pipelines.engine.artifact import Artifact
from pipelines.engine.code_digest import code_digest
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest


class PackedBefore:
    """images: uint8 [N, C, S, S]. ids: [N], of its rows."""

    def __init__(self, images: Pixels, ids: NDArray[np.str_]) -> None:
        named = ids.astype("S64")  # a quarter of the memory
        self._order = np.argsort(named)
        self._ids, self._images = named[self._order], images

    def taken(self, ids: Sequence[str], encoded: Sequence[bytes]) -> list[bytes | Pixels]:
        """Each sample as pixels [C, S, S] where they are known, else as it came."""
        wanted = np.array(ids, "S64")
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        known = self._ids[at] == wanted
        return [
            np.array(self._images[row]) if there else data
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
        and manifest.output["range"] is None
        and manifest.output["samples"]
    ]
    if not made:
        return None
    _, reference, newest = max(made, key=lambda one: one[0])
    try:
        images, table = (
            context.file(reference, Artifact.model_validate(newest.output[name]))
            for name in ("images", "table")
        )
    except UserError:  # taken away or damaged: all is decoded again
        return None
    return PackedBefore(np.load(images, mmap_mode="r"), Table.load(table).ids)
