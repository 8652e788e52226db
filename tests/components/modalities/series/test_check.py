"""What belongs in quarantine."""

import numpy as np
import pytest

from components.modalities.series.check import check_series
from components.modalities.series.config import SeriesLimits
from tests.components.modalities.series.toys import npy

LIMITS = SeriesLimits(max_steps=50, max_channels=4, max_bytes=100_000)
GAPS = np.full((9, 2), np.nan)
GAPS[4] = 1.0


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.ones((9, 2)), None),  # constant: a sensor that is off is data
        (np.where(np.arange(9)[:, None] % 2, np.nan, np.ones((9, 2))), None),
        (np.array([[1, np.nan], [2, np.nan]]), None),  # a channel that was not recorded
        (np.ones((1, 2)), "too short: 1 time steps with a value, needed 2"),
        (GAPS, "too short: 1 time steps with a value, needed 2"),
        (np.ones((0, 2)), "no values: all 0 time steps are missing"),
        (np.full((9, 2), np.nan), "no values: all 9 time steps are missing"),
        (np.ones((51, 2)), "too long: 51 time steps, allowed 50; cut it into windows (modality.window)"),
        (np.ones((5, 5)), "too many channels: 5, allowed 4; are the axes right (modality.axes)?"),
        (np.ones((5, 0)), "no channels"),
        (np.ones(20_000), "too large: 160128 bytes, allowed 100000"),
    ],
    ids=range(11),
)
def test_reasons(values, reason):
    assert check_series([npy(values)], LIMITS, "time_first") == [reason]


def test_a_bad_one_costs_no_other():
    good = npy(np.arange(6.0))
    assert [r is None for r in check_series([good, b"", good], LIMITS, "time_first")] == [True, False, True]
