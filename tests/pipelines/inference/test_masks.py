"""The masks of a snapshot, as its stages read them."""

from pathlib import Path

import numpy as np
import pytest

from components.data.masks import fitted
from components.errors import UserError
from pipelines.inference.masks import mask_texts, masks_of
from tests.pipelines.stages.masked import SIDE, TRAIN, context, scenes


def test_masks_of_rows_in_the_order_asked_for(tmp_path: Path) -> None:
    here = context(tmp_path, ignored=False)
    snapshot = here.outputs["snapshot/0"]
    _, masks = scenes(TRAIN + 12)
    rows = np.array([TRAIN + 1, 0, 3])
    np.testing.assert_array_equal(masks_of("snapshot/0", snapshot, rows, SIDE, here), masks[rows])
    small = masks_of("snapshot/0", snapshot, rows, 8, here)
    np.testing.assert_array_equal(small, np.stack([fitted(mask, 8) for mask in masks[rows]]))
    assert masks_of("snapshot/0", snapshot, rows[:0], SIDE, here).shape == (0, SIDE, SIDE)
    given = {"masks": snapshot.masks.model_dump()}
    assert mask_texts("snapshot/0", given, here) == mask_texts("snapshot/0", snapshot, here)


def test_a_snapshot_without_masks(tmp_path: Path) -> None:
    here = context(tmp_path)
    with pytest.raises(UserError, match="snapshot/0 holds no masks; run the snapshot again"):
        mask_texts("snapshot/0", {"masks": None}, here)
