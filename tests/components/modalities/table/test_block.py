"""Many rows at once: what pyarrow reads is what the slow way reads, and no column is lost or made up."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.modalities.table import block as block_module
from components.modalities.table.block import Texts, block_of, of_rows
from components.modalities.table.cells import number
from components.modalities.table.check import canonical

TEXT = st.text(max_size=5) | st.sampled_from(
    ['a":"b', 'x":', '":null', "\\", '"', "a\nb", "2020-01-01", "1e5", "null", "ü"]
)


def same(one, two):
    assert one.rows == two.rows
    assert one.absent == two.absent
    assert {name: column.to_pylist() for name, column in one.columns.items()} == {
        name: column.to_pylist() for name, column in two.columns.items()
    }


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", 'c"d']), st.none() | TEXT), max_size=20))
def test_rows_at_once_are_the_rows_one_by_one(rows):
    found, bad = block_of([canonical(row) for row in rows], ["a", "z"])
    assert not bad
    same(found, of_rows(rows, ["a", "z"]))


@given(st.lists(st.tuples(st.none() | TEXT, st.none() | TEXT), min_size=8, max_size=20))
def test_rows_of_one_table(pairs):
    rows = [{"a": a, "b": b} for a, b in pairs]
    same(block_of([canonical(row) for row in rows], ["b"])[0], of_rows(rows, ["b"]))


def test_rows_of_one_table_are_read_at_once(monkeypatch):
    monkeypatch.setattr(block_module, "parsed", json.loads)  # of the first row alone
    calls = []
    monkeypatch.setattr(block_module, "of_rows", lambda *given: calls.append(given))
    block_of([canonical({"a": str(k), "b": None}) for k in range(20)])
    assert not calls


@pytest.mark.parametrize(
    "hostile", [b"", b"junk", b"[1]", b'{"a":1}', b'{"a":\n"1"}x', b'{"a":"1"}{"a":"2"}', b"\xff"]
)
def test_bad_rows_are_named_and_cost_no_other(hostile):
    good = [canonical({"a": str(k)}) for k in range(20)]
    found, bad = block_of([*good[:7], hostile, *good[7:]])
    assert list(bad) == [7]
    assert found.columns["a"].to_pylist() == [str(k) for k in range(20)]


def test_a_row_over_several_lines_is_one_row():
    found, bad = block_of([canonical({"a": "1"})] * 10 + [b'{"a":\n"5"}'])
    assert not bad
    assert found.columns["a"].to_pylist() == ["1"] * 10 + ["5"]


def test_absent_columns_are_counted_by_row():
    rows = [{"a": "1", "b": "2"}] * 10 + [{"a": "1"}] * 3 + [{"b": "x"}]
    found, _ = block_of([canonical(row) for row in rows])
    assert found.absent == {"a": 1, "b": 3}


@pytest.mark.parametrize("count", [3, 40])
def test_texts(count):
    column = pa.array(["x", None, "NA", "y", "x"] * count)
    texts = Texts(column)
    assert texts.where.tolist() == [k for k in range(5 * count) if k % 5 in (0, 3, 4)]
    assert (len(texts), texts.missing) == (3 * count, 2 * count)
    assert texts.counts == {"x": 2 * count, "y": count}
    each, places = texts.distinct
    assert [each[place] for place in places] == texts.array.to_pylist()
    assert Texts(column[:4]).where.tolist() == [0, 3]


def test_no_texts():
    for count in (2, 20):
        texts = Texts(pa.array([None] * count, pa.string()))
        assert (len(texts), texts.missing, texts.counts) == (0, count, {})


NUMBERS = st.one_of(
    st.floats(-1e20, 1e20).map(repr), st.integers().map(str), st.text("0123456789.,-+eE% ", max_size=6)
)


@given(st.lists(NUMBERS, min_size=10, max_size=40))
def test_numbers_by_pyarrow_are_those_one_by_one(given_texts):
    texts = Texts(pa.array([text.strip() for text in given_texts]), frozenset())
    found = texts.plain_numbers
    if found is not None:
        np.testing.assert_array_equal(found, [number(text, ".") for text in texts.array.to_pylist()])


def test_pyarrow_is_used_where_it_can_be():
    assert Texts(pa.array(["1.5", "-2", "3e2"] * 5)).plain_numbers.tolist() == [1.5, -2, 300] * 5
    for odd in ("007", "1,000", "5 %", "inf", "1e31", "0x1"):
        assert Texts(pa.array(["1.5"] * 20 + [odd])).plain_numbers is None
