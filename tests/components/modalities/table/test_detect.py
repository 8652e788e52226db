"""Rows for detectors: by hand."""

import numpy as np
import pytest

from components.modalities.table.detect import columns_for_detection
from tests.components.modalities.table.toys import column, pack


def test_by_hand():
    rows, packing, _ = pack([{"n": str(k), "c": "a" if k < 8 else None} for k in range(11)])
    found = columns_for_detection(rows, packing)
    assert found[:, 0].tolist() == list(range(11))
    assert found[0, 1] == pytest.approx(-np.log(8 / 12))
    assert found[10, 1] == pytest.approx(-np.log(3 / 12))
    strange = rows[:2].copy()
    strange[0, column(packing, "n")] = np.nan
    strange[:, column(packing, "c")] = [1, 60]  # a rare category, and a code that the column does not have
    found = columns_for_detection(strange, packing)
    assert found[0, 0] == 5
    assert found[:, 1].tolist() == [pytest.approx(np.log(12))] * 2
    assert np.isfinite(found).all()
