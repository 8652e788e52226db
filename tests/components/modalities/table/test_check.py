"""Canonical bytes of rows, and what belongs in quarantine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.modalities.table.check import Canonical, canonical, check_rows, parsed
from components.modalities.table.config import TableLimits


def test_canonical():
    assert canonical({"b": "007", "a": None, "ä": "ü"}) == '{"a":null,"b":"007","ä":"ü"}'.encode()
    assert canonical({"a": "1", "b": "2"}) == canonical({"b": "2", "a": "1"})


def test_canonical_of_many_rows_gives_the_same_bytes():
    """Quotes, control characters, signs beyond the basic plane, half of one, columns that are left out."""
    rows = [
        {"b": 'a "quote" \\', 'x"y': "\t\u2028\x00\x7f", "a": None, "ä": "𝄞", "left out": "z"},
        {"b": "", 'x"y': "\ud800", "a": "1", "ä": "\n", "left out": None},
    ]
    encode = Canonical(name for name in rows[0] if name != "left out")
    for row in rows:
        kept = {name: text for name, text in row.items() if name != "left out"}
        assert encode(row) == canonical(kept)


@given(st.dictionaries(st.text(), st.none() | st.text()))
def test_round_trip(row):
    assert parsed(canonical(row)) == row


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "not a row"),
        (b"\x00\xff", "not a row"),
        (b"[1]", "not a row"),
        (b'{"a":1}', "not a row"),
        (b'{"a":{"b":"c"}}', "not a row"),
        (b"[" * 100_000, "too large a row"),
        (b"line 7: 3 values for 2 columns", "not a row"),
        (b'{"a":null}', "empty row"),
        (b"{}", "empty row"),
        (b'{"a":"x\\u0000"}', "not a row"),
        (b'{"a":"1","b":"1","c":"1","d":"1"}', "too many columns"),
        (b'{"a":"' + b"x" * 2000 + b'"}', "too large a row"),
    ],
)
def test_quarantined(data, kind):
    (reason,) = check_rows([data], TableLimits(max_columns=3, max_bytes=1000))
    assert reason.split(":")[0] == kind


def test_deep_nesting_is_no_crash():
    (reason,) = check_rows([b'{"a":' * 5000], TableLimits())
    assert reason.startswith("not a row")


def test_good_rows():
    assert check_rows([b'{"a":"1","b":null}', b'{"a":"\\\\u0000"}'], TableLimits()) == [None, None]


def test_the_line_is_part_of_the_reason():
    assert check_rows([b"line 7: 3 values for 2 columns"], TableLimits()) == [
        "not a row: line 7: 3 values for 2 columns"
    ]
