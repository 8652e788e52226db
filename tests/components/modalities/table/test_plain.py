"""Plain features: by hand."""

import numpy as np
import torch

from components.modalities.table.plain import codes_of, plain, plain_size


def test_by_hand():
    grid = torch.linspace(0, 1, 101)[None]
    numbers = torch.tensor([[0.5], [np.nan]])
    codes = torch.tensor([[2], [0]])
    found = plain(numbers, codes, grid, [3])
    torch.testing.assert_close(found, torch.tensor([[0, 0, 0, 0, 1.0], [0, 1, 1, 0, 0]]), atol=1e-5, rtol=0)
    assert found.shape[1] == plain_size(1, [3])


def test_codes():
    values = torch.tensor([[np.nan, 1.0], [3.0, 4.0], [4.0, -1.0]])
    assert codes_of(values, torch.tensor([4, 9])).tolist() == [[0, 1], [3, 4], [1, 1]]


def test_no_categories():
    assert plain(torch.zeros(2, 1), torch.zeros(2, 0, dtype=torch.int64), torch.zeros(1, 101), []).shape == (
        2,
        2,
    )
