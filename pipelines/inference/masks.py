"""The masks of a snapshot's samples, for a stage that learns from them or measures with them."""

from typing import Any

import numpy as np
import pyarrow.parquet as pq

from components.arrays import Ints, Pixels
from components.data.masks import fitted, from_text
from components.errors import UserError
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context


def masks_of(reference: str, snapshot: Any, rows: Ints, side: int, context: Context) -> Pixels:
    """uint8 [len(rows), side, side]: the masks of these rows, cut and resized as their images are.

    snapshot: its output, as its type or as JSON values.

    Raises:
        UserError: the snapshot holds no masks, or its file was taken away or changed.
    """
    texts = mask_texts(reference, snapshot, context)
    masks = [fitted(from_text(texts[row]), side) for row in rows.tolist()]
    return np.stack(masks) if masks else np.zeros((0, side, side), dtype=np.uint8)


def mask_texts(reference: str, snapshot: Any, context: Context) -> dict[int, str]:
    """Row -> mask as text. snapshot, errors: see masks_of."""
    given = snapshot.get("masks") if isinstance(snapshot, dict) else snapshot.masks
    if given is None:
        raise UserError(
            "masks-missing", f"{reference} holds no masks; run the snapshot again with the task segmentation"
        )
    table = pq.read_table(context.file(reference, Artifact.model_validate(given)))
    return dict(zip(table["row"].to_pylist(), table["mask"].to_pylist(), strict=True))
