"""Rows of tables that look like time steps of series, or like texts."""

import pytest
import yaml

from components.modalities.table.config import TableConfig
from components.modalities.table.other_kinds import (
    event_columns,
    other_kinds,
    series_column,
    text_columns,
)

NUMBER, NAME, DATE = "numeric", "categorical", "date"


def steps(machines=3, times=10, **more):
    """Each machine at each time, as texts."""
    return [
        {"machine": f"m{m}", "time": str(t), "vib": str((m * 7 + t * 3) % 5), **more}
        for t in range(times)
        for m in range(machines)
    ]


KINDS = {"machine": NAME, "time": NUMBER, "vib": NUMBER}


def test_values_that_repeat_each_at_another_time_are_names_of_series():
    assert series_column(steps(), KINDS) == ("machine", "time")


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        (steps(), {"machine": NAME, "moment": NUMBER, "vib": NUMBER}),  # nothing is called like a time
        ([*steps(), steps()[0]], KINDS),  # two rows of a machine have one time
        (steps(10, 3), KINDS),  # three rows a machine
        (steps(1, 30), KINDS),  # one machine
        (steps(site="a"), {**KINDS, "site": NAME}),  # another column that is no number
        ([{**steps()[0], "machine": None}, *steps()[1:]], KINDS),
        (steps(), {"machine": NAME, "time": NUMBER}),  # no column of values
    ],
)
def test_other_rows_are_none(rows, kinds):
    assert series_column(rows, kinds) is None


def test_numbers_name_series_where_several_have_the_same_time():
    rows = [{"unit": row["machine"][1], "date": row["time"], "vib": str(k)} for k, row in enumerate(steps())]
    kinds = {"unit": NUMBER, "date": DATE, "vib": NUMBER}
    assert series_column(rows, kinds) == ("unit", "date")
    once = [{**row, "date": str(k)} for k, row in enumerate(rows)]
    assert series_column(once, kinds) is None
    assert series_column(once, {**kinds, "unit": NAME}) == ("unit", "date")


def letters(words, count=30, same=0):
    return [{"body": " ".join(f"w{k if k >= same else 0}x{i}" for i in range(words))} for k in range(count)]


@pytest.mark.parametrize(
    ("rows", "kind", "found"),
    [
        (letters(5), "constant", ["body"]),
        (letters(4), "constant", []),
        (letters(5, same=4), NAME, ["body"]),  # 27 of 30 differ
        (letters(5, same=5), NAME, []),  # 26
        (letters(5), DATE, []),
        ([*letters(5), {"body": None}], "constant", ["body"]),
    ],
)
def test_texts_have_five_words_and_differ(rows, kind, found):
    assert text_columns(rows, {"body": kind}) == found


def test_the_option_of_a_hint_can_be_written_as_it_stands():
    rows = [
        {"no": row["machine"], "date": row["time"], "vib": row["vib"], "my text": f"a b c d e{k}"}
        for k, row in enumerate(steps())
    ]
    kinds = {"no": NAME, "date": NUMBER, "vib": NUMBER}
    [said] = other_kinds(rows, kinds, TableConfig(target="broken"))
    assert yaml.safe_load(said.split("'")[1]) == {
        "name": "series", "series": "no", "time": "date", "target": "broken",
    }  # fmt: skip
    [said] = other_kinds(rows, {"my text": "constant"}, TableConfig())
    assert said.endswith("""use --modality '{name: text, column: "my text"}'""")
    [said] = other_kinds(steps(), KINDS, TableConfig(target="label"))
    assert said.endswith("use --modality '{name: series, series: machine}'")
    assert other_kinds(rows[:19], kinds, TableConfig()) == []


def clicks(count=30, **more):
    return [{"who": f"u{k % 9}", "page": f"p{k % 4}", "at_time": str(k), **more} for k in range(count)]


EVENTS = {"who": NAME, "page": NAME, "at_time": NUMBER}


def test_two_names_that_repeat_and_a_time_are_events():
    assert event_columns(clicks(), EVENTS) == ("who", "page", "at_time")  # nine users, four pages
    called = [{"session": row["page"], "page": row["who"], "at_time": row["at_time"]} for row in clicks()]
    kinds = {"session": NAME, "page": NAME, "at_time": NUMBER}
    assert event_columns(called, kinds) == ("session", "page", "at_time")
    [said] = other_kinds(clicks(), EVENTS, TableConfig())
    assert yaml.safe_load(said.split("'")[1]) == {
        "name": "events", "user": "who", "item": "page", "time": "at_time",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        (clicks(price="1"), {**EVENTS, "price": NUMBER}),
        (clicks(), {"who": NAME, "page": NUMBER, "at_time": NUMBER}),
        ([{**row, "page": "same"} for row in clicks()], EVENTS),
        ([{**row, "who": f"u{k}"} for k, row in enumerate(clicks())], EVENTS),  # no user comes twice
        (clicks(), {"who": NAME, "page": NAME, "at": NUMBER}),  # nothing is called like a time
    ],
)
def test_other_rows_are_no_events(rows, kinds):
    assert event_columns(rows, kinds) is None
