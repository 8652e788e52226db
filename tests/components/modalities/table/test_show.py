"""A row as HTML: its values in the style of their column, and nothing that runs."""

from html.parser import HTMLParser

import numpy as np

from components.modalities.table.show import show_row, texts
from tests.components.modalities.table.toys import pack


def test_hostile_text_is_escaped():
    bad = "<script>alert(1)</script>"
    rows, packing, _ = pack([{bad: f'"{bad}', "b": "1"}] * 3 + [{bad: "x", "b": "2"}] * 3)
    html = show_row(rows[0], packing)
    tags = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)

    Tags().feed(html)
    assert set(tags) <= {"table", "tr", "th", "td"}
    assert "&lt;script&gt;" in html


def test_values_read_back_are_the_same_row():
    given = [
        {"n": "1.234,5", "c": "red", "b": "yes", "d": "31.01.2026", "t": "2026-01-31 06:00"},
        {"n": None, "c": None, "b": "no", "d": None, "t": "2026-02-01 12:00"},
        {"n": "-3", "c": "red", "b": None, "d": "01.02.2026", "t": None},
    ]
    rows, packing, _ = pack(given, rare=1)
    shown = [texts(row, packing) for row in rows]
    assert shown[0] == {"n": "1234,5", "c": "red", "b": "true", "d": "31.01.2026", "t": "2026-01-31 06:00:00"}
    assert shown[1]["n"] is None
    again, _, _ = pack(shown, before=packing, rare=1)
    np.testing.assert_array_equal(again, rows)


def test_long_rows_and_values_are_cut():
    rows, packing, _ = pack([{f"c{k}": f"{'x' * 100}{i % 2}" for k in range(9)} for i in range(8)])
    html = show_row(rows[0], packing)
    assert html.count("<tr>") == 7
    assert "and 3 more" in html
    assert "x" * 41 not in html
