"""Rows of requests: every form gives the bytes that ingest gives."""

import json

import numpy as np
import pandas as pd
import pytest

from components.errors import UserError
from components.modalities.table.config import TableConfig
from components.modalities.table.serve import columns_of, encoded, rows_of
from tests.components.modalities.table.toys import pack

CONFIG = TableConfig(key="id", target="y", ignore=("note",))
ROWS = [{"a": 1, "b": "x"}, {"a": None, "b": "z"}]


@pytest.mark.parametrize(
    "given",
    [
        ROWS,
        pd.DataFrame(ROWS),
        {"a": [1, None], "b": ["x", "z"]},
        {"a": np.array([1, np.nan]), "b": pd.Series(["x", "z"])},
        json.dumps(ROWS),
        json.dumps({"a": [1, None], "b": ["x", "z"]}).encode(),
    ],
)
def test_every_form_of_several_rows(given):
    assert [encoded(row, CONFIG) for row in rows_of(given)] == [b'{"a":"1","b":"x"}', b'{"a":null,"b":"z"}']


def test_one_row():
    assert rows_of({"a": 1, "b": "x"}) == [{"a": 1, "b": "x"}]
    assert encoded('{"a": 1.0, "b": " x "}', CONFIG) == b'{"a":"1","b":"x"}'


def test_what_is_no_input_is_left_out_and_names_are_small():
    row = {"ID": 5, "A": True, "Y": "good", "Note": "seen", "b": np.float32(0.1)}
    assert encoded(row, CONFIG) == b'{"a":"true","b":"0.1"}'


@pytest.mark.parametrize("given", [5, "no json", {"a": [1, 2], "b": [1]}, {"a": [1, 2], "b": 1}])
def test_what_is_no_request(given):
    with pytest.raises(UserError, match="required"):
        rows_of(given)


@pytest.mark.parametrize("value", [5, "no json", [1, 2], {"a": [1]}, {"a": {"b": 1}}])
def test_what_is_no_row(value):
    with pytest.raises(ValueError, match="required"):
        encoded(value, CONFIG)


def test_numbers_take_the_decimal_point_of_their_column():
    _, packing, _ = pack([{"n": "1,5", "c": "1.5"}, {"n": "1.500,25", "c": "x"}] * 3)
    assert encoded({"n": 1.5, "c": 1.5}, packing.config, packing) == b'{"c":"1.5","n":"1,5"}'
    assert encoded({"n": "1.500", "c": "x"}, packing.config, packing) == b'{"c":"x","n":"1.500"}'


def test_columns_of_rows():
    assert columns_of([{"a": 1}, {"a": 2, "b": 3}]) == {"a": [1, 2], "b": [None, 3]}
    assert rows_of(columns_of(ROWS)) == ROWS
