"""Rows in their own units: by hand."""

import numpy as np
import torch

from components.encoders.raw_rows import RawRows, RawRowsConfig
from tests.components.modalities.table.toys import column, pack

ROWS = [{"a": "1", "b": "10", "c": "x"}, {"a": "2", "b": None, "c": "y"}, {"a": "3", "b": "30", "c": "x"}] * 7


def test_by_hand():
    packed, packing, _ = pack(ROWS)
    encoder = RawRows(RawRowsConfig(), packing)
    found = encoder(torch.from_numpy(packed[:3])).numpy()
    assert encoder.feature_dim == found.shape[1] == len(encoder.columns)
    numbers = [encoder.columns.index(name) for name in ("a", "b")]
    np.testing.assert_array_equal(found[:, numbers], [[1, 10], [2, 20], [3, 30]])  # the median of b is 20
    np.testing.assert_array_equal(found[:, [n + 2 for n in numbers]], [[0, 0], [0, 1], [0, 0]])
    hot = found[:, [place for place, name in enumerate(encoder.columns) if name == "c"]]
    np.testing.assert_array_equal(hot.sum(axis=1), 1)
    np.testing.assert_array_equal(hot[0], hot[2])
    assert not np.array_equal(hot[0], hot[1])


def test_values_beyond_those_seen_stay_far_out():
    packed, packing, _ = pack(ROWS)
    encoder = RawRows(RawRowsConfig(), packing)
    far = torch.from_numpy(packed[:1].copy())
    far[0, [f.column for f in packing.features].index("a")] = 1e6
    assert encoder(far)[0, encoder.columns.index("a")] == 1e6


def test_categories_as_shares_by_hand():
    """Eight of eleven samples have the category a, and three none; one that no sample has counts once."""
    packed, packing, _ = pack([{"n": str(k), "c": "a" if k < 8 else None} for k in range(11)])
    encoder = RawRows(RawRowsConfig(categories="shares"), packing)
    found = encoder(torch.from_numpy(packed)).numpy()
    assert encoder.columns == ("n", "c")
    assert (encoder.raw_numbers, encoder.feature_dim) == (1, 2)
    assert found[:, 0].tolist() == list(range(11))
    np.testing.assert_allclose(found[[0, 10], 1], [-np.log(8 / 12), -np.log(3 / 12)], rtol=1e-6)
    strange = torch.from_numpy(packed[:2].copy())
    strange[0, column(packing, "n")] = np.nan
    strange[:, column(packing, "c")] = torch.tensor(
        [1.0, 60.0]
    )  # a rare category, and a code that there is not
    found = encoder(strange).numpy()
    assert found[0, 0] == 5
    np.testing.assert_allclose(found[:, 1], [np.log(12)] * 2, rtol=1e-6)
