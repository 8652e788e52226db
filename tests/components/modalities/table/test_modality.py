"""Tables as a kind of data: from the inbox to a row and back, the same in training and in serving."""

import numpy as np
import pytest

from components.modalities.table.config import TableConfig, TableLimits
from components.modalities.table.modality import Tables
from tests.components.modalities.table.toys import column, mixed, pack


def test_a_served_row_is_the_packed_one():
    rows, packing, _ = pack(mixed())
    modality = Tables(packing.config)
    for row, given in zip(rows, mixed(), strict=True):
        np.testing.assert_array_equal(modality.row_of(given, packing), row)
        np.testing.assert_array_equal(modality.stored(modality.to_sample(given), packing), row)


def test_an_example_is_a_request_for_its_row():
    rows, packing, _ = pack(mixed())
    modality = Tables(packing.config)
    examples = [modality.example(row, packing) for row in rows[:5]]
    request = modality.request(examples)
    assert set(request) == {"colour", "day", "gaps", "paid", "size"}
    for value, row in zip(modality.values(request, packing), rows[:5], strict=True):
        np.testing.assert_array_equal(modality.row_of(value, packing), row)


def test_a_row_without_a_column():
    _, packing, _ = pack(mixed())
    given = {name: text for name, text in mixed()[0].items() if name != "size"}
    with pytest.raises(ValueError, match="column size is required, the row has colour, day, gaps, paid"):
        Tables(packing.config).row_of(given, packing)
    lenient = packing.config.model_copy(update={"changes": "adapt"})
    assert np.isnan(Tables(lenient).row_of(given, packing)[column(packing, "size")])


def test_further_columns_of_a_request_do_not_matter():
    rows, packing, _ = pack(mixed())
    np.testing.assert_array_equal(Tables(packing.config).row_of({**mixed()[0], "more": 5}, packing), rows[0])


def test_from_a_file_to_rows(tmp_path):
    (tmp_path / "t.csv").write_text("ID;Price;Kind;y\n1;1.234,5;a;good\n2;5;b;bad\n3;x;y;z;w\n4;6,5;a;\n")
    modality = Tables(TableConfig(key="id", target="y", rare=1))
    reader = modality.reader(TableLimits())
    samples = list(reader.rows(tmp_path / "t.csv", "t.csv", None))
    good = [
        one
        for one, reason in zip(samples, reader.check([s.data for s in samples]), strict=True)
        if not reason
    ]
    assert [(one.name, one.label) for one in good] == [("1", "good"), ("2", "bad"), ("4", "")]
    written = modality.pack(lambda: [[one.data for one in good]], len(good), tmp_path)
    rows = np.load(tmp_path / written.files["rows"])
    np.testing.assert_array_equal(rows, np.array([[2, 1234.5], [3, 5], [2, 6.5]], dtype=np.float32))


def test_packings_are_written_and_read_again():
    _, packing, _ = pack(mixed())
    assert type(packing).model_validate_json(packing.model_dump_json()) == packing


def test_one_modality_reads_by_the_packing_that_it_is_given():
    _, one, _ = pack([{"c": c} for c in "aaabbbb"])
    _, two, _ = pack([{"c": c} for c in "aaaabbb"])
    modality = Tables(one.config)
    assert [modality.row_of({"c": "a"}, packing)[0] for packing in (one, two, one)] == [3, 2, 3]


def test_a_number_of_a_request_is_read_whatever_the_decimal_point_of_its_column():
    _, packing, _ = pack([{"n": "1,5"}, {"n": "1.500,25"}] * 3)
    assert Tables(packing.config).row_of({"n": 2.5}, packing)[0] == 2.5
    assert Tables(packing.config).row_of({"n": "2,5"}, packing)[0] == 2.5
