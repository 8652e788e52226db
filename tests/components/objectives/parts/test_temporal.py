"""Means over what is there, spans of time."""

import torch

from components.objectives.parts.temporal import mean_where, spans_of


def test_the_mean_is_over_what_is_there():
    values = torch.tensor([[1.0, torch.nan], [5.0, 9.0]])
    assert mean_where(values, torch.tensor([[True, False], [True, False]])) == 3
    assert mean_where(values, torch.zeros(2, 2, dtype=torch.bool)) == 0


def test_spans():
    found = spans_of(torch.tensor([10, 5]), 0.4, torch.tensor([[0.0, 0.95], [0.5, 0.5]]), 10)
    assert found[0].nonzero().flatten().tolist() == [0, 1, 8, 9]
    assert found[1].nonzero().flatten().tolist() == [2]  # .4 * 5 / 2 = 1 step, both at the same place
    assert not spans_of(torch.tensor([0]), 0.4, torch.tensor([[0.5]]), 4).any()
