"""What a survey says of series."""

import numpy as np
import yaml

from components.modalities.series.config import SeriesConfig
from components.modalities.series.suit import SeriesLook
from tests.components.modalities.series.toys import npy


def look(*values, **config):
    found = SeriesLook(SeriesConfig(**config))
    found.add([npy(one) for one in values])
    return found


def test_lengths_channels_and_gaps():
    found = look(
        np.arange(8.0).reshape(4, 2), np.arange(6.0).reshape(3, 2), np.arange(3.0), np.array([1, np.nan, 2])
    )
    assert found.lines() == [
        "3 to 4 time steps, median 3; 2 channels", "2 series have another number of channels and will be left out",
        "1 series have gaps",
    ]  # fmt: skip
    assert found.useless is None
    assert found.notes(10) == []
    assert yaml.safe_load(found.suited(10).modality) == {"name": "series"}


def test_options_that_were_given_stay():
    found = look(np.arange(8.0), series="machine", window=4)
    assert yaml.safe_load(found.suited(10).modality) == {"name": "series", "series": "machine", "window": 4}


def test_long_series_should_be_cut():
    (note,) = look(np.arange(5000.0)).notes(1)
    assert "5,000 time steps: windows (modality.window)" in note
    assert look(np.arange(5000.0), window=100).notes(1) == []


def test_what_nothing_can_be_learnt_from():
    same = np.arange(4.0)
    assert "are the same series" in str(look(same, same).useless)
    assert "do not vary" in str(look(np.ones(4), np.ones(5)).useless)
    assert look(same).useless is None


def test_a_channel_that_is_empty_everywhere_is_named():
    one = np.array([[1.0, np.nan], [2, np.nan]])
    (note,) = look(one, one + 1).notes(2)
    assert note.startswith("1 channel of 2 has no value in any series, e.g. number 2")
    assert "e.g. b:" in look(one, one + 1, channels=("a", "b")).notes(2)[0]
    assert look(one, np.ones((2, 2))).notes(2) == []
    assert look(one, np.array([[1, np.nan], [2, 3]])).notes(2) == []  # a gap
