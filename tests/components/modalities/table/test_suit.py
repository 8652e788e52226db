"""What init finds out of somebody's table."""

import pytest
import yaml

from components.modalities.table.check import canonical
from components.modalities.table.config import TableConfig
from components.modalities.table.suit import TableLook
from tests.components.modalities.table.toys import mixed


def look(rows, **config):
    found = TableLook(TableConfig(**config))
    data = [row if isinstance(row, bytes) else canonical(row) for row in rows]
    for start in range(0, len(data), 16):
        found.add(data[start : start + 16])
    return found


def rows(**more):
    return [{**row, **{name: make(k) for name, make in more.items()}} for k, row in enumerate(mixed())]


def test_key_and_target_by_name():
    data = rows(id=lambda k: str(k), churn=lambda k: "ab"[k % 2])
    found = look(data)
    assert (found.key, found.target) == ("id", "churn")
    assert found.guess(labelled=False) == TableConfig(key="id", target="churn")
    assert found.guess(labelled=True) == TableConfig(key="id")
    suited = look(data, key="id", target="churn").suited(60)
    assert yaml.safe_load(suited.modality) == {"name": "table", "key": "id", "target": "churn"}
    assert TableConfig.model_validate(yaml.safe_load(suited.modality)).target == "churn"
    assert yaml.safe_load(suited.encoder) == {"name": "table_mlp"}
    assert found.lines()[0].startswith("7 columns: ")
    lines = look(data, key="id", target="churn").lines()
    assert "label: column churn (modality.target)" in lines
    assert "name of a row: column id (modality.key)" in lines


def test_a_column_that_most_rows_lack_looks_like_labels_of_a_part():
    found = look(rows(verdict=lambda k: "good" if k % 7 == 0 else "bad" if k % 7 == 1 else None))
    assert found.target == "verdict"


def test_neither():
    found = look(rows(id=lambda k: str(k % 50)))
    assert (found.key, found.target) == (None, None)
    assert found.guess(labelled=False) is None
    assert yaml.safe_load(found.suited(60).modality) == {"name": "table"}


def test_a_name_that_needs_quotes():
    found = look(rows(**{'the "row" id': str}), key='the "row" id')
    assert yaml.safe_load(found.suited(60).modality)["key"] == 'the "row" id'


def test_what_the_recipe_says_stands():
    found = look(rows(churn=lambda k: "ab"[k % 2]), target="colour")
    assert found.guess(labelled=False) is None
    assert yaml.safe_load(found.suited(60).modality)["target"] == "colour"


def test_bad_rows_are_counted_apart():
    found = look([b"junk", *mixed()])
    assert found.good == 60


def test_equal_rows_are_of_no_use():
    found = look([{"a": "1"}] * 5)
    assert "same row" in found.useless
    assert look(mixed()).useless is None


def test_notes_name_what_is_left_out():
    notes = look(rows(empty=lambda k: None)).notes(60)
    assert any("column empty is empty" in note for note in notes)


@pytest.mark.parametrize("count", [1, 2])
def test_few_rows(count):
    found = look(mixed()[:count])
    assert found.lines()
    assert found.suited(count).speed > 0


def test_a_target_may_be_numbers_where_it_is_called_so():
    numbers = {"target": lambda k: str(k * 1.5) if k % 2 else None}
    assert look(rows(**numbers)).target == "target"
    assert look(rows(price=numbers["target"])).target is None


def test_numbers_that_most_rows_lack_are_named_as_a_possible_label():
    data = rows(price=lambda k: str(k * 1.5) if k % 3 == 0 else None)
    [note] = [note for note in look(data).notes(60) if "price" in note]
    assert "33% of the rows" in note
    assert yaml.safe_load(note.split("'")[1]) == {"name": "table", "target": "price"}
    assert not [note for note in look(data, target="colour").notes(60) if "price" in note]


def test_a_column_of_splits_is_no_feature():
    data = rows(split=lambda k: "test" if k % 3 else "")
    guess = look(data).guess(labelled=True)
    assert guess == TableConfig(ignore=("split",))
    written = look(data, ignore=("split",))
    assert yaml.safe_load(written.suited(60).modality)["ignore"] == ["split"]
    assert any("columns id and split" in note for note in written.notes(60))
    assert written.guess(labelled=True) is None
    assert look(rows(split=lambda k: "ab"[k % 2])).guess(labelled=True) is None
