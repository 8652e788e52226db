"""Folds of labels that are numbers."""

import numpy as np
import pytest

from pipelines.stages.finetune.regression.data import folds_of


def test_every_fold_has_small_and_large_numbers() -> None:
    targets = np.random.default_rng(0).normal(0, 1, 50)
    of = folds_of(targets, 5, seed=1)
    assert np.bincount(of).tolist() == [10] * 5
    order = np.argsort(targets)
    for start in range(0, 50, 5):
        assert sorted(of[order[start : start + 5]]) == [0, 1, 2, 3, 4]
    assert (folds_of(targets, 5, seed=1) == of).all()
    assert (folds_of(targets, 5, seed=2) != of).any()
    assert len(np.unique(folds_of(targets[:7], 5, seed=0))) == 5


def test_more_folds_than_labels_are_an_error() -> None:
    with pytest.raises(ValueError, match="got 3 labels and 5 folds"):
        folds_of(np.arange(3.0), 5, 0)
