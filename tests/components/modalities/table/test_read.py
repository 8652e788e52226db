"""Tables as people deliver them: which are samples, their bytes, names and labels, and rows that are wrong."""

import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.modalities.table.config import TableConfig, TableLimits
from components.modalities.table.read import TableReader


def reader(**config):
    return TableReader(TableConfig(**config), TableLimits())


def read(tmp_path, text, name="t.csv", source=None, **config):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(reader(**config).rows(file, name, source))


def rows(samples):
    return [json.loads(sample.data) for sample in samples]


TEXT = "ID;Size;Code;Kind\n1;1,5;007;a\n2;;008;b\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace(",", "§").replace(";", ",").replace("1§5", '"1,5"').encode(),
        TEXT.replace(";", "\t").encode(),
        TEXT.replace(";", "|").encode(),
        TEXT.replace("Code", '"Code"').replace("007", '"007"').encode(),
    ],
)
def test_every_usual_form_gives_the_same_rows(tmp_path, data):
    found = read(tmp_path, data, key="ID", target="Kind")
    assert [(sample.name, sample.label) for sample in found] == [("1", "a"), ("2", "b")]
    assert [sample.data for sample in found] == [
        b'{"code":"007","size":"1,5"}',
        b'{"code":"008","size":null}',
    ]


def test_what_is_no_part_of_a_sample(tmp_path):
    text = "id,a,b,when,y,site\n1,2,3,2026-01-01,yes,north\n"
    (one,) = read(tmp_path, text, source="Site", key="id", target="Y", ignore=("B",), time="when")
    assert rows([one]) == [{"a": "2"}]
    assert (one.name, one.label, one.source) == ("1", "yes", "north")


def test_without_a_key_identical_rows_have_the_same_bytes(tmp_path):
    one, two = read(tmp_path, "a,y\n1,x\n1,x\n", target="y")
    assert one.data == two.data
    assert (one.name, two.name) == ("t.csv#0", "t.csv#1")


@pytest.mark.parametrize("word", ["None", "NA", "nan", "null", "N/A", "0"])
def test_labels_that_look_like_missing_values_stay_labels(tmp_path, word):
    (one,) = read(tmp_path, f"a,y\n1,{word}\n", target="y")
    assert one.label == word


def test_a_column_called_label_is_the_label_unless_another_one_is(tmp_path):
    (one,) = read(tmp_path, "a,Label\n1,x\n")
    assert (rows([one]), one.label) == ([{"a": "1"}], "x")
    (one,) = read(tmp_path, "a,label,y\n1,x,z\n", target="y")
    assert (rows([one]), one.label) == ([{"a": "1", "label": "x"}], "z")


def test_no_label(tmp_path):
    assert [sample.label for sample in read(tmp_path, "a,y\n1,\n2,x\n", target="y")] == ["", "x"]
    assert [sample.label for sample in read(tmp_path, "a,b\n1,2\n", target="y")] == [""]


def test_rows_of_another_width_are_quarantined_with_their_line(tmp_path):
    test = reader()
    found = read(tmp_path, "a,b\n1,2\n1,2,3\n1\n3,4\n")
    assert test.check([sample.data for sample in found]) == [
        None,
        "not a row: line 3: 3 values for 2 columns: 1, 2, 3",
        "not a row: line 4: 1 values for 2 columns: 1",
        None,
    ]


def test_a_row_without_a_key_is_quarantined(tmp_path):
    found = read(tmp_path, "id,a\n,2\n5,2\n", key="id")
    assert reader().check([sample.data for sample in found]) == [
        "not a row: line 2: no value in the key column id",
        None,
    ]


def test_a_table_without_the_key_column_is_refused(tmp_path):
    with pytest.raises(ValueError, match="key column nr is required, it has a, b; set"):
        read(tmp_path, "a,b\n1\n1,2\n", key="nr")


def test_an_open_quote_refuses_the_file(tmp_path):
    with pytest.raises(ValueError, match="unreadable table: line 2: a quote is opened and never closed"):
        read(tmp_path, 'a,b\n1,"2\n3,4\n')


def test_a_column_without_a_name_is_the_numbers_of_the_rows(tmp_path):
    assert rows(read(tmp_path, ",a,b\n0,1,2\n1,3,4\n")) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_one_column_alone(tmp_path):
    assert rows(read(tmp_path, "a\n1\n2\n")) == [{"a": "1"}, {"a": "2"}]


def test_json_lines(tmp_path):
    text = '{"A": 1.5, "b": "007", "y": "None"}\n{"A": null, "y": "x"}\n{"A": 1, "z": 5}\n'
    found = read(tmp_path, text, name="t.jsonl", target="y")
    assert rows(found[:2]) == [{"a": "1.5", "b": "007"}, {"a": None, "b": None}]
    assert [sample.label for sample in found[:2]] == ["None", "x"]
    assert reader().check([found[2].data]) == ["not a row: line 3: column z is none of the first row"]


def test_parquet(tmp_path):
    table = pa.table(
        {
            "N": pa.array([1.0, None, 2.5]),
            "whole": pa.array([1, 2, None], pa.int64()),
            "code": ["007", "", "x"],
            "flag": [True, False, None],
            "day": pa.array(np.array(["2026-01-31", "2026-02-01", "NaT"], "datetime64[D]")),
            "money": pa.array([Decimal("1.50"), None, None], pa.decimal128(5, 2)),
            "level": pa.array(["a", "b", None]).dictionary_encode(),
            "y": ["NA", None, "nan"],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = list(reader(target="y").rows(tmp_path / "t.parquet", "t.parquet", None))
    assert [sample.label for sample in found] == ["NA", "", "nan"]
    assert rows(found)[0] == {
        "n": "1", "whole": "1", "code": "007", "flag": "true", "day": "2026-01-31", "money": "1.50", "level": "a",
    }  # fmt: skip
    assert rows(found)[1]["code"] is None
    assert set(rows(found)[2].values()) == {"2.5", "x", None}


def test_a_broken_parquet_file(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(ValueError, match="unreadable table"):
        list(reader().rows(tmp_path / "t.parquet", "t.parquet", None))


@pytest.mark.parametrize(
    ("path", "columns", "config", "found"),
    [
        ("data.csv", {"a", "b"}, {}, True),
        ("labels.csv", {"a", "b"}, {}, False),
        ("data.csv", {"id", "label"}, {}, False),
        ("data.csv", {"id", "class", "a"}, {}, True),
        ("data.csv", {"id", "y"}, {"key": "id", "target": "y"}, False),
        ("data.csv", {"nr", "label"}, {"key": "nr", "target": "label"}, False),
    ],
)
def test_which_tables_hold_samples(path, columns, config, found):
    assert reader(**config).is_table(path, columns) is found


def test_a_group_is_no_cell(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("Patient,a\np1,3\n")
    one = reader()
    one.group = "patient"
    (row,) = one.rows(file, "t.csv", None)
    assert (row.group, row.data) == ("p1", b'{"a":"3"}')
