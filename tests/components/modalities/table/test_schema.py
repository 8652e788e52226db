"""Kinds of columns: inferred over the whole column, in bounded memory, with what does not fit reported."""

import pyarrow as pa
import pytest

from components.errors import UserError
from components.modalities.table import schema
from components.modalities.table.block import Block, Texts
from components.modalities.table.config import TableConfig
from components.modalities.table.schema import infer


def blocks(*batches):
    return [
        Block(0, {name: pa.array(texts, pa.string()) for name, texts in batch.items()}, {})
        for batch in batches
    ]


def kinds(values, **config):
    """(kind, style) of one column beside one that varies, and the notes."""
    other = [str(k) for k in range(len(values))]
    found, notes = infer(blocks({"x": values, "y": other}), TableConfig(**config))
    column = found.columns[0]
    return column.kind, column.style, notes


@pytest.mark.parametrize(
    ("values", "kind", "style"),
    [
        (["1", "2.5", None, "-3e2"], "numeric", "."),
        (["1.234,5", "7", "0,5"], "numeric", ","),
        (["1,234.5", "7", "0.5"], "numeric", "."),
        (["12 %", "3%", "0"], "numeric", "."),
        (["€ 5", "€ 7,50", "€ 1.000"], "numeric", ","),
        (["NA", "?", "5", "6"], "numeric", "."),
        (["007", "123", "456"] * 3, "categorical", ""),
        (["€ 5", "$ 5", "€ 6"] * 3, "categorical", ""),
        (["yes", "no", "yes"], "boolean", ""),
        (["0", "1", "1"], "boolean", ""),
        (["True", "FALSE", "true"], "boolean", ""),
        (["y", "t", "y"] * 3, "categorical", ""),
        (["0", "1", "2"], "numeric", "."),
        (["red", "blue", "red"] * 3, "categorical", ""),
        (["2026-01-31", "2026-02-01"], "date", "ISO8601"),
        (["2026-01-31T09:00:00Z", "2026-02-01 10:00"], "date", "ISO8601"),
        (["31.01.2026", "01.02.2026"], "date", "%d.%m.%Y"),
        (["31.01.2026 09:00", "01.02.2026 10:30"], "date", "%d.%m.%Y %H:%M"),
        (["01/31/2026", "02/01/2026"], "date", "%m/%d/%Y"),
        (["31/01/2026", "01/02/2026"], "date", "%d/%m/%Y"),
        (["31 Jan 2026", "01 Feb 2026"], "date", "%d %b %Y"),
        (["same", "same", "same"], "constant", ""),
        ([None, "NA", ""], "constant", ""),
    ],
)
def test_kinds(values, kind, style):
    assert kinds(values)[:2] == (kind, style)


def test_one_value_and_gaps_are_not_constant():
    assert kinds(["5", None, "5"])[0] == "numeric"


def test_a_constant_column_is_noted():
    assert any("x holds 'same' in every row" in note for note in kinds(["same"] * 4)[2])
    assert any("x is empty in every row" in note for note in kinds([None] * 4)[2])


def test_a_few_odd_values_are_noted_and_more_make_another_kind():
    kind, _, notes = kinds(["1.5"] * 300 + ["2"] * 99 + ["oops"])
    assert kind == "numeric"
    assert any("1 of 400 values are no numbers" in note for note in notes)
    assert kinds(["1.5"] * 300 + ["2"] * 90 + ["oops"] * 10)[0] == "categorical"


def test_columns_are_judged_over_all_batches():
    batches = [{"x": ["12", "13"] * 5}, {"x": ["1,5", "7"] * 5}, {"x": ["1.000", "8"] * 5}]
    assert infer(blocks(*batches), TableConfig())[0].columns[0].style == ","
    batches = [{"x": ["1.000", "8"] * 5}, {"x": ["1.5", "7"] * 5}]
    assert infer(blocks(*batches), TableConfig())[0].columns[0].style == "."
    batches = [{"x": ["1", "2"]}, {"x": ["a", "b"] * 3}]
    assert infer(blocks(*batches), TableConfig())[0].columns[0].kind == "categorical"


def test_the_recipe_has_the_last_word():
    assert kinds(["1", "2", "1"] * 3, kinds={"X": "categorical"})[0] == "categorical"
    assert kinds(["1.234", "2.345"], decimal=",")[1] == ","
    assert kinds(["-999", "5", "6"], missing=("-999",))[0] == "numeric"
    assert kinds(["01/02/2026", "03/04/2026"], dates="month_first")[1] == "%m/%d/%Y"
    with pytest.raises(UserError, match="names column 'z', which the tables do not have"):
        kinds(["1", "2"], kinds={"z": "numeric"})


def test_ambiguous_dates_are_noted():
    kind, style, notes = kinds(["01/02/2026", "03/04/2026"])
    assert (kind, style) == ("date", "%d/%m/%Y")
    assert any("day first is taken" in note for note in notes)


def test_a_date_is_days_and_what_varies_of_weekday_and_hour():
    def parts(values):
        found, _ = infer(blocks({"x": values}), TableConfig())
        return [feature.part for feature in found.features]

    assert parts(["2026-11-30", "2026-12-01"]) == ["value", "weekday"]
    assert parts(["2026-11-30", "2026-12-07"]) == ["value"]
    assert parts(["2026-11-30 09:00", "2026-11-30 10:00"]) == ["value", "hour"]


def test_categories_the_most_frequent_first_and_rare_ones_left_out():
    values = ["b"] * 5 + ["a"] * 5 + ["c"] * 9 + ["rare"] * 2
    found, _ = infer(blocks({"x": values}), TableConfig())
    assert found.features[0].categories == ("c", "a", "b")
    found, _ = infer(blocks({"x": values}), TableConfig(categories=2, rare=1))
    assert found.features[0].categories == ("c", "a")


def test_texts_and_identifiers_are_left_out():
    values = [f"text {k}" for k in range(500)]
    kind, _, notes = kinds(values)
    assert kind == "constant"
    assert any("500 different values in 500 rows" in note for note in notes)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(schema, "DISTINCT", 50)
    batches = [
        {"x": [f"{k} {i}" for i in range(40)] + ["often"] * 20, "y": ["1", "2"] * 30} for k in range(20)
    ]
    survey = schema.Survey(TableConfig())
    for batch in batches:
        survey.add(Texts(pa.array(batch["x"])))
    assert len(survey.counts) <= 50
    assert survey.forgotten
    assert survey.categories()[0] == "often"


def test_nothing_varies():
    with pytest.raises(UserError, match="none of the 1 columns varies"):
        infer(blocks({"x": ["a", "a"]}), TableConfig())
