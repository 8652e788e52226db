"""Text of a cell -> number, truth value or moment.

One reader of each kind, used when columns are inferred, packed and served, so that a value means the same everywhere.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from components.arrays import Doubles

MISSING = frozenset(
    {
        "", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "na", "nan", "NaN", "NAN", "-nan", "null", "NULL", "Null",
        "None", "none", "NONE", "NaT", "?", "-", "--", ".",
    }
)  # fmt: skip
TRUE = frozenset({"true", "yes", "y", "t", "1"})
FALSE = frozenset({"false", "no", "n", "f", "0"})
Moments = np.ndarray[Any, np.dtype[np.datetime64]]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LARGEST = 1e30  # above it, a number would overflow float32 in a square root of sums
UNITS = "%‰$€£¥₹°"
SPACES = "'\u2019\u00a0\u202f "  # between groups of three digits, besides comma or point
CODE = re.compile(r"[+-]?0[0-9]")  # the beginning of 007, which is a name and no number


def _pattern(point: str, group: str) -> re.Pattern[str]:
    groups = rf"[0-9]{{1,3}}(?:[{re.escape(group + SPACES)}][0-9]{{3}})+|[0-9]+"
    return re.compile(
        rf"[+-]?(?:(?:{groups})(?:{re.escape(point)}[0-9]*)?|{re.escape(point)}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    )


NUMBERS = {".": _pattern(".", ","), ",": _pattern(",", ".")}
STRIP = {".": re.compile(rf"[,{SPACES}]"), ",": re.compile(rf"[.{SPACES}]")}


def number(text: str, point: str) -> float:
    """The number in a cell without blanks at its ends; NaN where it is none or is above 1e30.

    "1,234.5" with point "." and "1.234,5" with point "," are 1234.5; "12 %" is 12; "€ 5" is 5; "007" and "inf" are
    none.
    """
    body = text.replace("\u2212", "-").strip(UNITS).strip()
    if body[:1] in ("-", "+") and body[1:2] and body[1:2] in UNITS:
        body = body[0] + body[2:].lstrip()
    if CODE.match(body) or NUMBERS[point].fullmatch(body) is None:
        return np.nan
    value = float(STRIP[point].sub("", body).replace(",", "."))
    return value if abs(value) <= LARGEST else np.nan


def unit_of(text: str) -> str:
    """The sign of a currency or share in a cell, or ""."""
    return next((sign for sign in text if sign in UNITS), "")


def truth(text: str) -> float:
    """1 for yes, 0 for no, NaN for anything else."""
    word = text.lower()
    return 1.0 if word in TRUE else 0.0 if word in FALSE else np.nan


def moments(texts: Sequence[str], style: str) -> Moments:
    """[n] datetime64[s] of dates written in one style, NaT where a cell is none; moments with an offset in UTC."""
    import pandas as pd  # here: 250 ms, for tables with dates only

    found = pd.to_datetime(list(texts), format=style, errors="coerce", utc=True)
    plain = found.tz_localize(None).to_numpy()
    return np.asarray(plain, dtype="datetime64[s]")


def days(when: Moments) -> Doubles:
    """Days since 1970 with their fraction; NaN for NaT."""
    seconds = when.astype("datetime64[s]").astype(np.int64).astype(np.float64)
    return np.where(np.isnat(when), np.nan, seconds / 86400)


def text_of(value: Any) -> str | None:
    """A cell of a typed table, or a value of a request, as text; None where it is missing.

    3.0 becomes "3", so that whole numbers which became floats because a column has holes are what they were.
    """
    if value is None or str(value) in ("nan", "NaT", "<NA>"):
        return None if not isinstance(value, str) else value
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip() or None
