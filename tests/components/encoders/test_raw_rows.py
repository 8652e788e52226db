"""Rows in their own units: by hand."""

import numpy as np
import torch

from components.encoders.raw_rows import RawRows, RawRowsConfig
from tests.components.modalities.table.toys import pack

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
