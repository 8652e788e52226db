"""Long and wide tables."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.modalities.series.config import SeriesConfig
from components.modalities.series.tables import read_table


def found(tmp_path, text, source=None, group=None, **config):
    file = tmp_path / "x.csv"
    file.write_text(text, encoding="utf-8")
    return list(read_table(file, SeriesConfig(**config), source, group))


def test_a_long_table_in_any_order_of_its_rows(tmp_path):
    ordered = "series,time,b,a,label\ns,1,1,10,x\ns,2,2,20,x\nt,1,3,30,y\nt,2,,40,y\n"
    head, *rows = ordered.splitlines()
    mixed = "\n".join([head, *(rows[k] for k in (3, 1, 0, 2))]) + "\n"
    for text, names in ((ordered, ["s", "t"]), (mixed, ["t", "s"])):
        by_name = {one.name: one for one in found(tmp_path, text)}
        assert list(by_name) == names
        np.testing.assert_array_equal(by_name["s"].values, [[10, 1], [20, 2]])  # channels by name: a, b
        np.testing.assert_array_equal(by_name["t"].values, [[30, 3], [40, np.nan]])
        assert by_name["t"].labels == ["y", "y"]


def test_channels_that_the_recipe_names_come_in_its_order(tmp_path):
    (one,) = found(tmp_path, "series,b,a,c\ns,1,10,5\ns,2,20,6\n", channels=["B", "a"])
    np.testing.assert_array_equal(one.values, [[1, 10], [2, 20]])


def test_times_as_dates_and_missing_steps_as_gaps(tmp_path):
    rows = ["series,time,a,label", "s,2026-01-01T00:00:02,3,y", "s,2026-01-01T00:00:00,1,x"]
    text = "\n".join([*rows, "s,2026-01-01T02:00:05+02:00,6,y"]) + "\n"
    (one,) = found(tmp_path, text, step=1)
    np.testing.assert_array_equal(one.values[:, 0], [1, np.nan, 3, np.nan, np.nan, 6])
    assert one.labels == ["x", "x", "y", "y", "y", "y"]
    (plain,) = found(tmp_path, text)
    np.testing.assert_array_equal(plain.values[:, 0], [1, 3, 6])
    assert plain.labels == ["x", "y", "y"]


def test_decimal_commas(tmp_path):
    (one,) = found(tmp_path, "series;a\ns;1,5\ns;-2,25\n", decimal=",")
    np.testing.assert_array_equal(one.values[:, 0], [1.5, -2.25])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("series,time,a\ns,1,1\ns,1,2\n", "series s: two rows of one time (1)"),
        ("series,time,a\ns,1,1\ns,x,2\n", "series s: line 3: time 'x' is neither a number nor a date"),
        ("series,time,a\ns,1,1\ns,,2\n", "series s: line 3: time None is neither a number nor a date"),
        ("series,a\ns,1\ns,red\n", "series s: line 3: 'red' in column a is not a number"),
        ("series,a\ns,1\ns,inf\n", "series s: line 3: 'inf' in column a is not a number"),
        ("series,a\n,1\n", "line 2: no value in the column series"),
    ],
)
def test_a_bad_series_says_why(tmp_path, text, why):
    bad = [one.values for one in found(tmp_path, text) if isinstance(one.values, str)]
    assert len(bad) == 1
    assert bad[0].startswith(why)


def test_two_times_within_one_step_and_a_step_that_cannot_be(tmp_path):
    text = "series,time,a\ns,0,1\ns,1.2,2\ns,0.9,3\n"
    (one,) = found(tmp_path, text, step=1)
    assert one.values == "series s: two rows of one time (1.2)"
    (far,) = found(tmp_path, "series,time,a\ns,0,1\ns,1e9,2\n", step=0.001)
    assert "1e+12 steps of 0.001" in far.values


def test_a_bad_row_costs_no_other_series(tmp_path):
    bad, good = found(tmp_path, "series,a\ns,1,9\nt,1\nt,2\n")
    assert bad.values.startswith("line 2: 3 values for 2 columns")
    np.testing.assert_array_equal(good.values, [[1], [2]])


@pytest.mark.parametrize(
    ("config", "missing"),
    [({}, "series"), ({"series": "a", "time": "when"}, "when"), ({"series": "a", "channels": ["z"]}, "z"),
     ({"series": "a", "step": 1}, "time")],
)  # fmt: skip
def test_a_column_that_is_required_is_named(tmp_path, config, missing):
    with pytest.raises(ValueError, match=f"unreadable table: the column {missing} is required, it has a, b"):
        found(tmp_path, "a,b\n1,2\n", **config)


def test_source_and_group_are_no_channels(tmp_path):
    text = "series,site,patient,a\ns,north,p1,1\ns,north,p1,2\n"
    (one,) = found(tmp_path, text, source="site", group="patient")
    assert (one.source, one.group, one.values.shape) == ("north", "p1", (2, 1))


def test_a_wide_table_keeps_the_order_of_its_columns_and_ends_with_the_last_value(tmp_path):
    text = "series,label,t10,t9,t8\ns,x,1,,3\nt,y,4,,\nu,,,,\n"
    s, t, u = found(tmp_path, text, form="wide")
    np.testing.assert_array_equal(s.values, [[1], [np.nan], [3]])
    np.testing.assert_array_equal(t.values, [[4]])
    assert (s.name, s.labels, t.labels, u.labels) == ("s", ["x"], ["y"], [""])
    assert np.isnan(u.values).all()


def test_parquet_is_read_as_text_tables_are(tmp_path):
    file = tmp_path / "x.parquet"
    table = pa.table({"Series": [7, 7], "time": [0.5, 0.25], "a": pa.array([0.1, None], pa.float32())})
    pq.write_table(table, file)
    (one,) = read_table(file, SeriesConfig(), None, None)
    np.testing.assert_array_equal(one.values[:, 0].astype(np.float32), np.float32([np.nan, 0.1]))
    assert one.name == "7"
