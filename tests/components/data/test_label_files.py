"""What a person wrote in a label file: every row is understood, or refused with its line."""

from pathlib import Path

import pytest

from components.data.label_files import Given, given_in, keys_of, utc
from components.data.labels import Row
from components.errors import UserError

ID = "a" * 64


def given(tmp_path: Path, text: str, name: str = "labels.csv") -> list[Given]:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return given_in(file, name)


def test_rows_become_labels(tmp_path: Path) -> None:
    text = "name,path,label,annotator,time,split\n1,,cat,ana,2026-01-12T10:00:00+01:00,TEST\n2,,,,,\n,p,unknown,,,\n"
    assert given(tmp_path, text) == [
        Given(("1",), Row("", "cat", "ana", "2026-01-12T09:00:00Z", "test", "labels.csv"), 2),
        Given(("2",), Row("", "", origin="labels.csv"), 3),
        Given(("p",), Row("", "", origin="labels.csv"), 4),
    ]


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        ({"id": "7", "path": "a.png", "name": "n"}, ("a.png", "n")),  # a running number
        ({"id": ID, "path": "a.png"}, (ID,)),
        ({"id": "a", "label": "cat"}, ("a",)),
        ({"file_name": "a.png"}, ("a.png",)),
        ({"image": "a.png"}, ("a.png",)),
        ({"label": "cat"}, ()),
    ],
)
def test_what_names_the_sample(row: dict[str, str], keys: tuple[str, ...]) -> None:
    assert keys_of(row) == keys


def test_a_path_is_relative_to_its_table_first(tmp_path: Path) -> None:
    [one] = given(tmp_path, "file_name,label\n1.png,cat\n", "train/metadata.csv")
    assert one.keys == ("train/1.png", "1.png")
    assert keys_of({"path": "/a/1.png"}, "train") == ("/a/1.png",)


@pytest.mark.parametrize("name", ["labels.jsonl", "labels.tsv"])
def test_other_forms(tmp_path: Path, name: str) -> None:
    text = (
        '{"file_name": "1", "label": 0}\n\n{"file_name": "2"}\n'
        if "json" in name
        else "path\tlabel\n1\t0\n\n2\n"
    )
    assert [(one.keys, one.row.label, one.line) for one in given(tmp_path, text, name)] == [
        (("1",), "0", 1 + ("tsv" in name)), (("2",), "", 3 + ("tsv" in name)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,klass\n1,cat\n", "labels.csv: needs a column label or split, .* it has klass, name"),
        ("nmae,label\n1,cat\n", "one of path, file_name, name, id; it has label, nmae"),
        (
            "name,label,split\n1,cat,tset\n",
            "labels.csv: .*line 2: split must be train, test or empty, got 'tset'",
        ),
        ("name,label,time\n1,cat,\n2,cat,01/02/2026\n", "line 3: time must be .*, got '01/02/2026'"),
        (
            'name,label\n1,"cat\n2,dog"\n',
            "line 2: column label holds a line break; a quote there is not closed",
        ),
        ('name,label\n1,"cat\n2,dog\n', "labels.csv: .*line 2: a quote is opened and never closed"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        given(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("2026-01-12T10:00:00+01:00", "2026-01-12T09:00:00Z"),
        ("2026-01-12 09:00", "2026-01-12T09:00:00Z"),
        ("2026-01-12", "2026-01-12T00:00:00Z"),
        ("31.01.2026 09:00", "2026-01-31T09:00:00Z"),
        ("2.2.2026, 9:05:07", "2026-02-02T09:05:07Z"),
        ("2.2.2026", "2026-02-02T00:00:00Z"),
        ("", ""),
    ],
)
def test_times_sort_as_text(time: str, moment: str) -> None:
    assert utc(time) == moment


@pytest.mark.parametrize(
    "time", ["yesterday", "01/02/2026", "31.02.2026", "1.13.2026", "0001-01-01T00:00:00+23:59"]
)
def test_what_is_no_time_is_refused(time: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        utc(time)


def test_a_split_alone_says_nothing_of_labels(tmp_path: Path) -> None:
    """A row without a split does not withdraw a label that came with the sample."""
    found = given(tmp_path, "id,split\n1,test\n2,\n3,train\n")
    assert [(one.keys, one.row.label, one.row.split, one.line) for one in found] == [
        (("1",), "", "test", 2), (("3",), "", "train", 4),
    ]  # fmt: skip


def test_a_column_request_of_somebodys_own_table_drops_no_row(tmp_path: Path) -> None:
    text = "path,label,request\na.png,cat,r1\nb.png,dog,r1\nc.png,cat,r2\n"
    assert [row.keys[0] for row in given(tmp_path, text)] == ["a.png", "b.png", "c.png"]


def test_of_the_labelling_pages_file_the_last_line_of_each_sample_counts(tmp_path: Path) -> None:
    """Also where its time is not the latest: lines are in the order of the answers."""
    lines = [(ID, "cat"), ("b" * 64, "dog"), (ID, "cow")]
    text = "".join(
        f'{{"id": "{id}", "label": "{label}", "annotator": "ana", "request": "r"}}\n' for id, label in lines
    )
    found = given(tmp_path, text, "labels-by-ana.jsonl")
    assert {row.keys[0]: row.row.label for row in found} == {ID: "cow", "b" * 64: "dog"}
