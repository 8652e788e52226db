"""Boosting of numbers: tuned by cross-validation, and exact as tensors."""

import numpy as np
import pytest
import torch

from components.encoders.trees import trees_of
from components.errors import UserError
from components.modalities.table import boosting
from components.modalities.table.boosting import fit_boosting_regressor
from tests.components.modalities.table.toys import column, mixed, pack

ROWS, PACKING, _ = pack(mixed(300))
SIZE, COLOUR = ROWS[:, column(PACKING, "size")], ROWS[:, column(PACKING, "colour")]
TARGETS = (3 * SIZE + (COLOUR == 2)).astype(np.float64)


def test_it_learns_numbers_and_categories_and_is_exact_as_tensors() -> None:
    model = fit_boosting_regressor(ROWS[:200], TARGETS[:200], PACKING)
    predicted = model.predict(ROWS[200:])
    assert np.corrcoef(predicted, TARGETS[200:])[0, 1] > 0.95
    served = trees_of(model, PACKING)(torch.from_numpy(ROWS[200:]))[:, 0].numpy()
    np.testing.assert_allclose(served, predicted, atol=1e-5)


def test_the_options_with_the_smallest_held_out_error_are_taken() -> None:
    """Of noise nothing is to be learnt: the fewest rounds; of a function many rounds are better."""
    noise = np.random.default_rng(7).normal(0, 1, 200)
    assert fit_boosting_regressor(ROWS[:200], noise, PACKING).max_iter == min(boosting.ROUNDS)
    assert fit_boosting_regressor(ROWS[:200], TARGETS[:200], PACKING).max_iter >= 100


def test_the_same_seed_gives_the_same_model_and_few_labels_are_refused() -> None:
    one, two = (fit_boosting_regressor(ROWS[:30], TARGETS[:30], PACKING, 1).predict(ROWS) for _ in range(2))
    assert (one == two).all()
    assert np.isfinite(fit_boosting_regressor(ROWS[:2], TARGETS[:2], PACKING).predict(ROWS)).all()
    with pytest.raises(UserError, match="2 labels or more are required, got 1"):
        fit_boosting_regressor(ROWS[:1], TARGETS[:1], PACKING)
