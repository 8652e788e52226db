"""Labels that are numbers: how texts are read, which are refused, and what a second snapshot keeps of the first."""

import pytest

from components.errors import UserError
from components.tasks.regression import Regression, RegressionConfig, are_numbers, likelier


def task(**options: object) -> Regression:
    return Regression(RegressionConfig.model_validate(options))


@pytest.mark.parametrize(
    ("texts", "style", "values"),
    [
        (["1.5", "-2", "1,234.5"], ".", [1.5, -2.0, 1234.5]),
        (["1,5", "-2", "1.234,5"], ",", [1.5, -2.0, 1234.5]),
        (["€ 5", "12 %", "1e3"], ".", [5.0, 12.0, 1000.0]),
        (["1,234", "5,678"], ".", [1234.0, 5678.0]),  # either point reads them: the decimal point is likelier
        (["-1", "0", "1"], ".", [-1.0, 0.0, 1.0]),
    ],
)
def test_texts_are_read_as_the_cells_of_a_table_are(
    texts: list[str], style: str, values: list[float]
) -> None:
    found = task().targets({str(place): text for place, text in enumerate(texts)})
    assert (found.style, list(found.value.values())) == (style, values)
    assert found.classes == []
    assert found.label == {str(place): 0 for place in range(len(texts))}
    assert found.refused == {}


def test_a_later_snapshot_reads_as_the_first_one_did() -> None:
    assert task().targets({"a": "1,234"}, style=",").value == {"a": 1.234}
    assert task(decimal=".").targets({"a": "1,234"}, style=",").value == {"a": 1234.0}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cheap", "label 'cheap' is no number with a decimal point"),
        ("inf", "label 'inf' is infinite; a finite number is needed"),
        ("-Infinity", "label '-Infinity' is infinite"),
        ("1e31", "label '1e31' is no number with a decimal point, of at most 1e30"),
        ("007", "label '007' is no number"),
    ],
)
def test_what_is_no_number_is_refused_with_a_reason(text: str, reason: str) -> None:
    found = task().targets({"a": "1", "b": text})
    assert found.value == {"a": 1.0}
    assert found.refused["b"].startswith(reason)
    assert "b" not in found.label


@pytest.mark.parametrize("text", ["NA", "nan", "", " ", "null", "?"])
def test_a_missing_value_is_no_label_and_is_not_refused(text: str) -> None:
    found = task().targets({"a": "1", "b": text})
    assert (found.value, found.refused) == ({"a": 1.0}, {})


def test_labels_of_which_none_is_a_number_are_an_error_that_names_some() -> None:
    with pytest.raises(UserError, match=r"needs labels that are numbers, got 'bad', 'good'; name a target"):
        task().targets({"a": "good", "b": "bad", "c": "good"})


def test_no_labels_are_no_error() -> None:
    found = task().targets({})
    assert (found.value, found.label, found.style) == ({}, {}, "")
    assert likelier([]) == "."


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        ({f"{1000 + 7 * place}": 1 for place in range(40)}, True),
        ({f"{place},5": 2 for place in range(40)}, True),
        ({str(place): 1 for place in range(100)}, False),  # 0, 1, 2, ...: how classes are numbered
        ({str(place): 1 for place in range(1, 101)}, False),
        ({str(place): 6 for place in (1, 2, 5, 9)}, False),  # few values
        ({f"{place}.5": 1000 for place in range(30)}, False),  # many labels of few values
        ({f"class {place}": 1 for place in range(50)}, False),
        ({**{f"{1000 + 7 * place}": 1 for place in range(40)}, "cheap": 1}, True),
        ({**{f"{1000 + 7 * place}": 1 for place in range(40)}, "cheap": 10}, False),
        ({}, False),
    ],
)
def test_labels_that_look_like_numbers_to_predict(labels: dict[str, int], numbers: bool) -> None:
    assert are_numbers(labels) is numbers
