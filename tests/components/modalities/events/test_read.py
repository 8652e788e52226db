"""Tables of events as one sample a user."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from components.modalities.events.config import EventsConfig, EventsLimits
from components.modalities.events.decode import Event, decode
from components.modalities.events.read import EventsReader, moment

CSV = """user,item,time,kind
u2,b,5,view
u1,a,3,
u2,a,1,buy
u1,b,1,view
u2,c,5,
"""


def reader(**config):
    return EventsReader(EventsConfig(**config), EventsLimits())


def read(file, **config):
    return list(reader(**config).rows(file, file.name, None))


def test_rows_in_any_order_become_histories_in_order_of_time(tmp_path):
    (tmp_path / "e.csv").write_text(CSV)
    rows = read(tmp_path / "e.csv")
    assert [row.name for row in rows] == ["u2", "u1"]
    assert decode(rows[0].data) == [Event("a", 1.0, "buy"), Event("b", 5.0, "view"), Event("c", 5.0)]
    assert rows[0].data == b'[["a",1,"buy"],["b",5,"view"],["c",5]]'
    assert decode(rows[1].data) == [Event("b", 1.0, "view"), Event("a", 3.0)]
    assert reader().count(tmp_path / "e.csv") == 2


def test_parquet_and_json_lines_give_the_same_as_csv(tmp_path):
    (tmp_path / "e.csv").write_text(CSV)
    frame = pd.read_csv(tmp_path / "e.csv")
    frame.to_parquet(tmp_path / "e.parquet")
    frame.to_json(tmp_path / "e.jsonl", orient="records", lines=True)
    wanted = read(tmp_path / "e.csv")
    for name in ("e.parquet", "e.jsonl"):
        assert read(tmp_path / name) == wanted
        assert reader().count(tmp_path / name) == 2


def test_columns_have_the_names_that_the_recipe_says(tmp_path):
    (tmp_path / "e.csv").write_text("Session;Page;When\ns;p;2026-01-01\ns;q;2025-12-31T23:59:59\n")
    own = {"user": "Session", "item": "page", "time": "when"}
    assert reader(**own).is_table("e.csv", {"session", "page", "when"})
    assert not reader().is_table("e.csv", {"session", "page", "when"})
    assert not reader().is_table("labels.csv", {"user", "item", "time"})
    (row,) = read(tmp_path / "e.csv", **own)
    assert [event.item for event in decode(row.data)] == ["q", "p"]


def test_a_bad_event_costs_its_user_and_no_other(tmp_path):
    (tmp_path / "e.csv").write_text("user,item,time\nu,a,1\nv,a,soon\n,a,1\nw,,2\nu,b,2\nv,b,2\nx,a\n")
    rows = {row.name: row.data for row in read(tmp_path / "e.csv")}
    assert len(rows) == 5 == reader().count(tmp_path / "e.csv")
    assert len(decode(rows["u"])) == 2
    reasons = reader().check(list(rows.values()))
    assert sum(reason is None for reason in reasons) == 1
    assert b"user v: line 3: time 'soon' is neither a number nor a date" in rows["v"]
    assert b"user w: line 5: no value in the column item" in rows["w"]
    assert b"line 4: no value in the column user" in rows["e.csv#4"]
    assert b"2 values for 3 columns" in rows["e.csv#8"]


def test_source_and_group_are_those_of_the_first_row(tmp_path):
    (tmp_path / "e.csv").write_text("user,item,time,shop,home\nu,a,1,x,h\nv,a,1,y,h\nu,b,2,z,i\n")
    one = reader()
    one.group = "Home"
    rows = list(one.rows(tmp_path / "e.csv", "e.csv", "Shop"))
    assert [(row.source, row.group) for row in rows] == [("x", "h"), ("y", "h")]


def test_a_file_that_is_no_table_is_refused_in_one_line(tmp_path):
    (tmp_path / "e.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(ValueError, match="unreadable table"):
        read(tmp_path / "e.parquet")


def test_names_that_are_whole_floats(tmp_path):
    pd.DataFrame({"user": [1.0, None], "item": [7, 8], "time": [1.5, 2.0]}).to_parquet(tmp_path / "e.parquet")
    rows = read(tmp_path / "e.parquet")
    assert [row.name for row in rows] == ["e.parquet#2", "1"]
    assert decode(rows[1].data) == [Event("7", 1.5)]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12.5", 12.5),
        (7, 7.0),
        ("1970-01-02", 86400.0),
        ("1970-01-02T01:00:00+01:00", 86400.0),
        (datetime(1970, 1, 2, tzinfo=UTC), 86400.0),
        (datetime(1970, 1, 2), 86400.0),  # without a zone it is UTC
        ("inf", None),
        (float("nan"), None),
        ("soon", None),
        (None, None),
        (True, None),
    ],
)
def test_moments(value, number):
    assert moment(value) == number
