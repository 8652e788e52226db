"""The rule by which series are cut."""

import pytest

from components.modalities.series.windows import spans


@pytest.mark.parametrize(
    ("steps", "window", "hop", "expected"),
    [
        (10, None, None, [(0, 10)]),
        (10, 4, 3, [(0, 4), (3, 7), (6, 10)]),
        (10, 4, None, [(0, 4), (4, 8)]),
        (11, 4, 3, [(0, 4), (3, 7), (6, 10)]),
        (4, 4, 1, [(0, 4)]),
        (3, 4, 1, [(0, 3)]),
        (5, 4, 9, [(0, 4)]),
    ],
)
def test_spans(steps, window, hop, expected):
    assert list(spans(steps, window, hop)) == expected
