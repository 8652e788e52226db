"""Values of requests."""

import io

import numpy as np
import pytest

from components.modalities.series.config import SeriesConfig
from components.modalities.series.decode import NotSeries, decode
from components.modalities.series.modality import SeriesSamples
from components.modalities.series.serve import to_sample, to_value
from tests.components.modalities.series.toys import npy, packing

VALUES = np.float32([[1, 2], [np.nan, 4], [5, 6]])


@pytest.mark.parametrize(
    "value",
    [
        VALUES,
        VALUES.astype(np.float64),
        [[1, 2], [None, 4], [5, 6]],
        "[[1, 2], [null, 4], [5, 6]]",
        b"[[1, 2], [null, 4], [5, 6]]",
        npy(VALUES),
        bytearray(npy(VALUES)),
        [np.array([1, 2]), np.array([None, 4], dtype=object), [5, 6]],
    ],
)
def test_a_series_in_every_form(value):
    np.testing.assert_array_equal(decode(to_sample(value, "time_first")), VALUES)


def test_axes_are_those_of_the_recipe():
    data = to_sample(VALUES.T, "channels_first")
    np.testing.assert_array_equal(decode(data, "channels_first"), VALUES)
    assert to_value(VALUES, "channels_first") == [[1, None, 5], [2, 4, 6]]


@pytest.mark.parametrize("value", [None, 3.0, {"a": 1}, "1;2", [[1, 2], [3]], [["a"]], b"PK"])
def test_what_is_no_series(value):
    with pytest.raises(ValueError, match="a series") as error:
        to_sample(value, "time_first")
    assert "\n" not in str(error.value)


def test_three_axes_are_many_series_and_one_is_one():
    modality = SeriesSamples(SeriesConfig())
    assert len(modality.values(np.ones((3, 5, 2)), packing())) == 3
    assert len(modality.values(np.ones((5, 2)), packing())) == 1
    assert len(modality.values({"series": [[1, 2], [3, 4]]}, packing())) == 2
    with pytest.raises(NotSeries, match="other channels: 3 channels"):
        modality.row_of(np.ones((5, 3)), packing(2))


def test_npy_written_by_numpy_is_taken_as_it_is():
    stream = io.BytesIO()
    np.save(stream, VALUES)
    assert to_sample(stream.getvalue(), "time_first") == stream.getvalue()
