"""Bodies of requests, by hand."""

import json
from typing import Any

import pytest

from components.errors import UserError
from pipelines.serving.request import CELLS, given_of

IMAGE = ("image",)


def read(told: Any, columns: tuple[str, ...] = IMAGE, most: int = 100) -> Any:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return given_of("application/json", body, columns, most)


def test_the_forms_of_the_scoring_protocol() -> None:
    assert read({"inputs": ["a", "b"]}) == ["a", "b"]
    assert read({"instances": [1]}) == [1]
    assert read({"inputs": {"age": [1, 2]}}) == {"age": [1, 2]}
    split = {"columns": ["age", "city"], "data": [[41, "Bonn"], [7, None]]}
    assert read({"dataframe_split": split}) == {"age": [41, 7], "city": ["Bonn", None]}
    records = [{"age": 41}, {"city": "Bonn", "age": 7}]
    assert read({"dataframe_records": records}) == {"age": [41, 7], "city": [None, "Bonn"]}


@pytest.mark.parametrize(
    ("kind", "columns", "taken"),
    [
        ("image/png", ("image",), True),
        ("image/png; q=1", ("image",), True),
        ("IMAGE/JPEG", ("image",), True),
        ("application/octet-stream", ("audio",), True),
        ("audio/wav", ("audio",), True),
        ("text/plain; charset=utf-8", ("text",), True),
        ("audio/wav", ("image",), False),
        ("image/png", ("image", "text"), False),
        ("image/png", (), False),
        ("text/html", ("series",), False),
        ("multipart/form-data", ("image",), False),
    ],
)
def test_bytes_of_one_sample_where_samples_are_bytes(
    kind: str, columns: tuple[str, ...], taken: bool
) -> None:
    if taken:
        assert given_of(kind, b"\x00\xff", columns, 100) == [b"\x00\xff"]
    else:
        with pytest.raises(UserError, match="Content-Type must be one of application/json") as error:
            given_of(kind, b"\x00\xff", columns, 100)
        assert error.value.code == "content-type-unsuitable"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Expecting value"),
        (b"{", "a body of JSON"),
        (b"\xff\xfe\x00", "a body of JSON"),
        (b"[" * 100_000, "too deeply nested"),
        (b'{"a":' * 100_000, "too deeply nested"),
        (b'{"inputs": [NaN]}', "NaN is no JSON; write null"),
        (b'{"inputs": [-Infinity]}', "-Infinity is no JSON"),
        (b'{"inputs": [' + b"9" * 5000 + b"]}", "a body of JSON is required"),
        (
            b"[1]",
            "one of the keys dataframe_split, dataframe_records, inputs, instances is required, got list",
        ),
        (b"{}", r"got keys \[\]"),
        (b'{"inputs": [], "instances": []}', r"got keys \['inputs', 'instances'\]"),
        (b'{"inputs": 5}', "inputs must be a list or an object, got int"),
        (b'{"dataframe_records": {"a": 1}}', "dataframe_records must be a list, got dict"),
        (b'{"dataframe_records": [{"a": 1}, 2]}', "row 1 of dataframe_records must be an object"),
        (b'{"dataframe_split": {"columns": ["a"]}}', "dataframe_split must be"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1], [1, 2]]}}', "row 1 .* a list of 1 values"),
    ],
)
def test_a_body_that_is_none_is_refused_with_a_sentence(body: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        read(body)
    assert error.value.code == "request-invalid"
    assert len(str(error.value)) < 400


def test_records_that_each_have_columns_of_their_own_are_refused_before_they_fill_the_memory() -> None:
    rows = [{f"{row}-{k}": 0 for k in range(100)} for row in range(300)]
    assert CELLS < 300 * 300 * 100
    with pytest.raises(UserError, match="300 rows of 30000 columns"):
        read({"dataframe_records": rows}, most=1000)


def test_more_rows_than_allowed() -> None:
    assert len(read({"dataframe_records": [{"a": 1}] * 3}, most=3)["a"]) == 3
    with pytest.raises(UserError, match="may have 3 rows, got 4") as error:
        read({"dataframe_records": [{"a": 1}] * 4}, most=3)
    assert error.value.code == "too-many-rows"
