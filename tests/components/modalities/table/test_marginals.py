"""Draws have the distribution of the training samples, and take no value that a column cannot have."""

import numpy as np
import torch
from scipy.stats import kstest

from components.modalities.table.marginals import Marginals
from tests.components.modalities.table.toys import column, mixed, pack


def draws(packing, count=20_000):
    generator = torch.Generator().manual_seed(0)
    return Marginals(packing).draw(torch.rand(count, len(packing.features), generator=generator)).numpy()


def test_numbers_have_the_distribution_of_their_column():
    rows, packing, _ = pack(mixed(400))
    place = column(packing, "size")
    assert kstest(draws(packing)[:, place], rows[:, place]).pvalue > 0.01


def test_missing_values_and_categories_are_as_frequent_as_in_the_column():
    rows, packing, _ = pack(mixed(400))
    found = draws(packing)
    gaps, colour = column(packing, "gaps"), column(packing, "colour")
    assert abs(np.isnan(found[:, gaps]).mean() - np.isnan(rows[:, gaps]).mean()) < 0.015
    for code in np.unique(rows[:, colour]):
        assert abs((found[:, colour] == code).mean() - (rows[:, colour] == code).mean()) < 0.015
    assert set(np.unique(found[:, colour])) == set(np.unique(rows[:, colour]))


def test_no_value_that_the_column_cannot_have():
    texts = [{"whole": str(k % 90), "steps": str(0.5 * (k % 3)), "real": str(k / 7)} for k in range(300)]
    rows, packing, _ = pack(texts)
    found = draws(packing, 2000)
    for name in ("whole", "steps"):
        place = column(packing, name)
        assert set(found[:, place]) <= set(rows[:, place])
    assert len(set(found[:, column(packing, "real")])) > 1000


def test_by_hand():
    _, packing, _ = pack([{"c": c} for c in ["a"] * 5 + ["b"] * 3 + [None] * 2])
    u = torch.tensor([[0.1], [0.3], [0.69], [0.71], [0.999]])
    found = Marginals(packing).draw(u)[:, 0]
    assert found[0].isnan()  # below the share of missing values, .2
    assert found[1:].tolist() == [2, 2, 3, 3]  # a up to .2 + .8 * 5 / 8 = .7


def test_it_is_no_part_of_the_state():
    _, packing, _ = pack(mixed())
    assert Marginals(packing).state_dict() == {}
