"""Series in a page."""

import re

import numpy as np

from components.modalities.series.show import sparkline, thinned


def lines(values, **options):
    values = np.asarray(values, dtype=np.float32)
    channels = values.shape[1]
    html = sparkline(values, np.zeros(channels, np.float32), np.ones(channels, np.float32), 102, 44)
    return html, [
        [tuple(map(float, p.split(","))) for p in points.split()]
        for points in re.findall('points="(.*?)"', html)
    ]


def test_a_line_runs_from_corner_to_corner_and_a_gap_is_a_gap():
    _, found = lines([[0], [1], [np.nan], [4]])
    assert found == [[(1, 42), (34.3, 32)], [(101, 2), (101, 2)]]


def test_a_line_for_each_of_the_first_channels():
    html, found = lines(np.arange(24.0).reshape(3, 8))
    assert len(found) == 6
    assert "3 steps, 2 more channels" in html


def test_constant_and_empty_series_are_drawn_without_a_warning():
    assert lines(np.ones((4, 1)))[1] == [[(1, 22), (34.3, 22), (67.7, 22), (101, 22)]]
    assert lines(np.full((4, 1), np.nan))[1] == []


def test_a_long_series_keeps_its_peaks():
    values = np.zeros(10_000, dtype=np.float32)
    values[1234], values[9000:9200] = 9, np.nan
    places, kept = thinned(values)
    assert len(places) <= 240
    assert (np.diff(places) > 0).all()
    assert np.nanmax(kept) == 9
    assert np.isnan(kept).any()
