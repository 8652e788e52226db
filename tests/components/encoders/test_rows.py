"""Plain features of rows: by hand, and what a ridge regression gains where a number counts linearly."""

import numpy as np
import torch

from components.encoders.baseline import baseline_config, linear_config
from components.encoders.rows import Rows, RowsConfig
from components.evaluation.regression.ridge import fit_ridge
from components.modalities.table.plain import plain_size
from components.modalities.table.views import TableViews
from tests.components.modalities.table.toys import mixed, pack


def test_with_values_the_standardised_numbers_stand_at_the_end():
    packed, packing, _ = pack([{"a": str(k), "b": None if k == 50 else str(1000 - k)} for k in range(101)])
    rows = torch.from_numpy(packed)
    without, found = (Rows(RowsConfig(values=values), packing)(rows) for values in (False, True))
    assert found.shape[1] == plain_size(2, [], values=True) == without.shape[1] + 2
    torch.testing.assert_close(found[:, :-2], without)
    steps = (torch.arange(101.0).clamp(1, 99) - 50) / np.sqrt((99**2 - 1) / 12)  # of the numbers 1 to 99
    torch.testing.assert_close(found[:, -2], steps, atol=1e-5, rtol=0)
    assert found[50, -1] == 0


def test_the_ridge_regression_of_tables_alone_sees_values():
    views = TableViews(pack(mixed())[1])
    assert baseline_config(views) == RowsConfig()
    assert linear_config(views) == RowsConfig(values=True)


def test_a_number_that_counts_linearly_is_fitted_as_such():
    random = np.random.default_rng(0)
    area = random.exponential(size=600)
    packed, packing, _ = pack([{"area": f"{a:.4f}", "rooms": str(random.integers(9))} for a in area])
    y, left = 100 * np.minimum(area, np.quantile(area, 0.99)), {}
    for values in (False, True):
        features = Rows(RowsConfig(values=values), packing)(torch.from_numpy(packed)).numpy()
        fitted = fit_ridge(features[:80], y[:80]).predict(features[80:])
        left[values] = float(((fitted - y[80:]) ** 2).mean() / y[80:].var())
    assert left[False] > 0.05
    assert left[True] < 0.005
