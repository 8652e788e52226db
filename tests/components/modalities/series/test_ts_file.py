"""The .ts format."""

import numpy as np
import pytest

from components.modalities.series.ts_file import read_ts


def written(tmp_path, text):
    file = tmp_path / "x.ts"
    file.write_text(text, encoding="utf-8")
    return file


def test_channels_lengths_gaps_and_labels(tmp_path):
    text = (
        "#about\n@problemName x\n@timeStamps false\n@classLabel true a b\n@data\n1,2,3:4,?:a\n\n5:6,NaN:b\n"
    )
    one, other = read_ts(written(tmp_path, text))
    np.testing.assert_array_equal(one.values, [[1, 4], [2, np.nan], [3, np.nan]])
    np.testing.assert_array_equal(other.values, [[5, 6], [np.nan, np.nan]])
    assert (one.label, other.label) == ("a", "b")


def test_without_labels_the_last_part_is_a_channel(tmp_path):
    (one,) = read_ts(written(tmp_path, "@classLabel false\n@data\n1,2:3,4\n"))
    np.testing.assert_array_equal(one.values, [[1, 3], [2, 4]])
    assert one.label == ""


def test_a_line_that_is_no_series_costs_no_other(tmp_path):
    bad, good = read_ts(written(tmp_path, "@classLabel true\n@data\n1,x:a\n1,2:b\n"))
    assert bad.values == "line 3: 1,x is not a list of numbers"
    np.testing.assert_array_equal(good.values, [[1], [2]])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("@timeStamps true\n@data\n", "time stamps are not read"),
        ("@problemName x\n", "a line @data is required"),
        ("1,2,3\n", "line 1: a line that begins with @ is required"),
        ("", "a line @data is required"),
    ],
)
def test_what_is_no_such_file(tmp_path, text, why):
    with pytest.raises(ValueError, match=f"unreadable table: .*{why}"):
        list(read_ts(written(tmp_path, text)))
