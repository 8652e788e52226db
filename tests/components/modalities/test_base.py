"""What every kind of data has without doing anything for it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.config import Config
from components.errors import UserError
from components.modalities.base import Modality, Packing, in_column


class Words(Modality[Config, Packing]):
    """The least that a kind of data defines: a sample is a word, a row its bytes."""

    Limits, columns = Config, ("word",)

    def look(self) -> Any: ...

    def placeholder(self) -> Packing:
        return Packing(name="words")

    def reader(self, limits: Any) -> Any: ...

    def pack(self, *given: Any, **more: Any) -> Any: ...

    def packing(self, *given: Any) -> Any: ...

    def example(self, stored: np.ndarray, packing: Packing) -> str:
        return stored.tobytes().decode()

    def to_sample(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise ValueError(f"a word is required, got {type(value).__name__}")
        return value.encode()

    def stored(self, data: bytes, packing: Packing) -> np.ndarray:
        return np.frombuffer(data, np.uint8)

    def show(self, stored: np.ndarray, packing: Packing, size: int = 64) -> str:
        return f"<i>{self.example(stored, packing)}</i>"


WORDS, PACKING = Words(Config()), Packing(name="words")


@pytest.mark.parametrize(
    "given",
    [
        ["a", "b"],
        {"word": ["a", "b"]},
        {"word": ["a", "b"], "n": [1, 2]},
        {"other": ["a", "b"]},
        pd.Series(["a", "b"]),
        pd.DataFrame({"word": ["a", "b"], "n": 1}),
        pd.DataFrame({"other": ["a", "b"]}),
        np.array(["a", "b"]),
    ],
    ids=str,
)
def test_the_values_of_a_column_under_its_name_or_alone(given: Any) -> None:
    assert in_column(given, "word") == ["a", "b"]
    assert WORDS.values(given, PACKING) == ["a", "b"]


def test_one_value_is_a_request_of_one_and_bytes_are_no_list() -> None:
    for value in ("word", b"word", bytearray(b"word"), memoryview(b"word")):
        assert in_column(value, "word") == [value]
    assert in_column({"word": "one"}, "word") == ["one"]
    assert in_column([], "word") == in_column(pd.DataFrame({"word": []}), "word") == []


def test_several_columns_without_the_right_one_are_refused_with_their_names() -> None:
    for given in ({"a": [1], "b": [2]}, pd.DataFrame({"a": [1], "b": [2]})):
        with pytest.raises(UserError, match=r"a column 'word' is required, got columns \['a', 'b'\]"):
            in_column(given, "word")


def test_a_request_is_the_values_in_the_first_column() -> None:
    assert WORDS.request(("a", "b")) == {"word": ["a", "b"]}
    assert WORDS.values(WORDS.request(["a"]), PACKING) == ["a"]


def test_a_value_becomes_a_row_by_way_of_its_bytes() -> None:
    assert WORDS.row_of("ab", PACKING).tolist() == [97, 98]
    with pytest.raises(ValueError, match="a word is required, got int"):
        WORDS.row_of(3, PACKING)


@pytest.mark.parametrize(("asked", "beside"), [(2, 2), (4, 3)])  # three words can be read side by side
def test_a_sheet_shows_each_row_side_by_side(asked: int, beside: int) -> None:
    rows = [WORDS.row_of(word, PACKING) for word in ("one", "two")]
    assert WORDS.sheet(rows, PACKING, asked) == (
        f'<div style="display:grid;grid-template-columns:repeat({beside},minmax(0,1fr));gap:4px">'
        '<div style="overflow:hidden"><i>one</i></div><div style="overflow:hidden"><i>two</i></div></div>'
    )


def test_near_duplicates_are_not_looked_for_and_a_packing_reads_its_like_alone() -> None:
    assert WORDS.near_duplicates({}) is None
    assert PACKING.reads(Packing(name="words"))
    assert not PACKING.reads(Packing(name="others"))
    with pytest.raises(TypeError, match="Packing defines no config"):
        _ = PACKING.config
    with pytest.raises(TypeError, match="Packing defines no open"):
        PACKING.open({})
