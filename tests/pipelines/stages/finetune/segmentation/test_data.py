"""Folds of masks, and what there is too little of."""

import numpy as np
import pytest

from components.data.table import Table
from pipelines.stages.finetune.segmentation.data import mask_folds, masks_lacking


def test_folds_share_the_filled_masks() -> None:
    masks = np.zeros((9, 4, 4), np.uint8)
    for number, mask in enumerate(masks):
        mask.flat[:number] = 1
    of = mask_folds(masks, 3, seed=0)
    assert sorted(of.tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert all(sorted(of[start : start + 3].tolist()) == [0, 1, 2] for start in (0, 3, 6))
    assert (mask_folds(masks, 3, seed=0) == of).all()
    with pytest.raises(ValueError, match="as many masks as folds are needed, got 9 and 10"):
        mask_folds(masks, 10, seed=0)


def test_the_order_of_the_masks_is_not_that_of_what_they_hold() -> None:
    masks, held = np.zeros((12, 4, 4), np.uint8), np.random.default_rng(0).permutation(12)
    for mask, pixels in zip(masks, held, strict=True):
        mask.flat[:pixels] = 1
    of = mask_folds(masks, 3, seed=0)[np.argsort(held)]
    assert all(sorted(of[start : start + 3].tolist()) == [0, 1, 2] for start in (0, 3, 6, 9))


def test_what_is_lacking() -> None:
    label = np.array([0, 0, 0, 0, -1, 0])
    split = np.array(["train"] * 5 + ["test"])
    table = Table(np.array([str(n) for n in range(6)]), np.full(6, "s"), split, label)
    assert masks_lacking(table, 2) is None
    assert masks_lacking(table, 1) == "the masks hold one class only; label images that show another one"
