"""From where the method begins, on answers made by hand."""

import numpy as np

from pipelines.stages.finetune.cross_fit import Held
from pipelines.stages.finetune.judges import random_is_better


def held(right: int, of: int = 100) -> Held:
    """The first `right` of so many labels of class 0 answered right, the others not."""
    answers = np.where(np.arange(of) < right, 0, 1)
    return Held(np.eye(2)[answers], np.zeros(of, dtype=np.int64), np.arange(of), np.zeros(of, dtype=np.int64))


def test_random_must_be_better_by_more_than_a_standard_error() -> None:
    # 10 of 100 differ, all in favour of one: .10 with a standard error of .030.
    told = random_is_better(held(70), held(60))
    assert told is not None
    assert "+10.0% on held-out labels (standard error 3.0%)" in told
    assert random_is_better(held(60), held(60)) is None
    assert random_is_better(held(60), held(70)) is None
    assert random_is_better(held(61), held(60)) is None  # .01 with a standard error of .01


def test_one_label_shows_nothing() -> None:
    assert random_is_better(held(1, of=1), held(0, of=1)) is None
