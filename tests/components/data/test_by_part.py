"""Rows in parts: each part has all rows of its samples, in order, whatever the number of parts."""

import hashlib
from pathlib import Path

import pytest

from components.data import by_part
from components.data.by_part import ByPart, part_of, parts_for

ROWS = [
    (hashlib.sha256(bytes([number % 60])).hexdigest(), number, 'a\n"\u00e4', number % 2 == 0)
    for number in range(300)
]


@pytest.mark.parametrize("parts", [1, 7, 256])
@pytest.mark.parametrize("ahead", [1, 64, 1 << 15])
def test_each_row_is_in_the_part_of_its_id_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int, ahead: int
) -> None:
    monkeypatch.setattr(by_part, "AHEAD", ahead)
    with ByPart(tmp_path, parts, iter(ROWS)) as rows:
        assert list(tmp_path.iterdir()) == []  # a kill leaves nothing behind
        assert len(rows) == parts
        for part in reversed(range(parts)):
            assert rows[part] == [list(row) for row in ROWS if part_of(row[0], parts) == part]
        assert rows[0] == rows[0]


def test_parts_are_equal_ranges_in_ascending_order() -> None:
    assert [part_of(first + "0" * 56, 4) for first in ("00000000", "3fffffff", "40000000", "ffffffff")] == [
        0,
        0,
        1,
        3,
    ]
    ids = sorted(hashlib.sha256(bytes([number])).hexdigest() for number in range(200))
    parts = [part_of(id, 5) for id in ids]
    assert parts == sorted(parts)
    assert set(parts) == set(range(5))


def test_as_many_parts_as_keep_one_small() -> None:
    assert [parts_for(rows) for rows in (0, 1, 4096, 4097, 40_961, 10**9)] == [1, 1, 1, 2, 11, 256]
