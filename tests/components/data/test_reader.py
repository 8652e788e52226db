"""What a reader need not define, and the kind of a reason."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from components.data.reader import Reader, TableSample, kind_of


class Least(Reader):
    """Reads tables with a column `word`, a sample each row of it."""

    noun, wanted, max_bytes = "words", "tables with a column `word`", 10

    def is_table(self, path: str, columns: set[str]) -> bool:
        return "word" in columns

    def rows(self, file: Path, delivery: str, source: str | None) -> Iterator[TableSample]:
        return iter(())

    def check(self, batch: Sequence[bytes]) -> list[str | None]:
        return [None if data else "empty" for data in batch]


def test_a_kind_that_comes_in_tables_alone_takes_no_file_and_mends_nothing() -> None:
    reader = Least()
    assert reader.suffixes == frozenset()
    assert not reader.begins_like(b"\x89PNG\r\n\x1a\n")
    assert not reader.mended("empty")


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("too small: 1 x 1", "too small"), ("empty", "empty"), ("a: b: c", "a"), ("", "")],
)
def test_the_kind_is_what_stands_before_the_first_colon(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind


def test_a_sample_without_label_and_source_has_none() -> None:
    assert TableSample("n", b"1") == ("n", b"1", "", "", "")
