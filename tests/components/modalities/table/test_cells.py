"""Text of cells: what is a number, a truth value or a moment."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from components.modalities.table import cells


@pytest.mark.parametrize(
    ("text", "point", "value"),
    [
        ("12", ".", 12),
        ("-1.5", ".", -1.5),
        ("+.5", ".", 0.5),
        ("5.", ".", 5),
        ("1e3", ".", 1000),
        ("1,234.5", ".", 1234.5),
        ("1,234,567", ".", 1234567),
        ("1.234,5", ",", 1234.5),
        ("1234,5", ",", 1234.5),
        ("1 234,5", ",", 1234.5),
        ("1\u00a0234\u00a0567", ".", 1234567),
        ("1'234.5", ".", 1234.5),
        ("12 %", ".", 12),
        ("12,5%", ",", 12.5),
        ("€ 5", ".", 5),
        ("$1,000", ".", 1000),
        ("-$5", ".", -5),
        ("5 €", ",", 5),
        ("\u22125", ".", -5),
        ("0", ".", 0),
        ("0.5", ".", 0.5),
        ("0,5", ",", 0.5),
    ],
)
def test_numbers(text, point, value):
    assert cells.number(text, point) == value


@pytest.mark.parametrize(
    "text",
    [
        "007",
        "-01",
        "abc",
        "1,23",
        "1.2.3",
        "1,2345",
        "inf",
        "nan",
        "1e999",
        "0x10",
        "1_000",
        "",
        "%",
        "12 kg",
        "٣",
    ],
)
def test_no_numbers(text):
    assert np.isnan(cells.number(text, "."))


def test_the_same_text_is_another_number_with_another_point():
    assert cells.number("1.234", ".") == 1.234
    assert cells.number("1.234", ",") == 1234


def test_truth():
    assert [cells.truth(text) for text in ("Yes", "TRUE", "1", "no", "F")] == [1, 1, 1, 0, 0]
    assert np.isnan(cells.truth("maybe"))


def test_moments_are_days_since_1970_in_utc():
    when = cells.moments(["1970-01-02T12:00:00+00:00", "1970-01-01T01:00:00+02:00", "soon"], "ISO8601")
    np.testing.assert_array_equal(cells.days(when), [1.5, -1 / 24, np.nan])
    assert cells.days(cells.moments(["02.01.1970"], "%d.%m.%Y")).tolist() == [1]
    assert cells.days(cells.moments(["01/02/1970"], "%m/%d/%Y")).tolist() == [1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (float("nan"), None),
        (pd.NaT, None),
        (pd.NA, None),
        ("", None),
        ("  x ", "x"),
        ("nan", "nan"),
        (True, "true"),
        (np.False_, "false"),
        (3.0, "3"),
        (np.float32(0.1), "0.1"),
        (0.1, "0.1"),
        (np.int64(7), "7"),
        (b"abc", "abc"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime(2026, 1, 31, 9, tzinfo=UTC), "2026-01-31 09:00:00+00:00"),
        (pd.Timestamp("2026-01-31 09:00"), "2026-01-31 09:00:00"),
        (float("inf"), "inf"),
    ],
)
def test_values_as_text(value, text):
    assert cells.text_of(value) == text
