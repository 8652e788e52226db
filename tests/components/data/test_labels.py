"""Labels: found by id, name or path; appended once; settled without guessing."""

from pathlib import Path

import pytest

from components.data.labels import (
    Given,
    Row,
    append,
    find,
    from_folders,
    given_of,
    read_labels,
    resolve,
    settle,
    utc,
)  # fmt: skip
from components.data.shards import BAD, Delivery, Index, ShardWriter, write_table
from components.errors import UserError

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writer = ShardWriter(tmp_path, "set", 2)
    for id, name in ((A, "set/cat/1.png"), (B, "set/dog/1.png"), (C, "set/dog/2.png"), (D, "loose.png")):
        writer.add(id, b"", name)
    shards = writer.finish()
    bad = [["set/dog/copy.png", "set/x.png"], [f"duplicate: {A}", "empty"], ["set", "set"], [b"", b""]]
    file = write_table(tmp_path, "quarantine", dict(zip(BAD.names, bad, strict=True)), BAD)
    delivery = Delivery(digest="", name="set", accepted=4, duplicates=1, quarantine=file)
    Index(shards=shards, deliveries=[delivery]).save(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("key", "ids"),
    [
        (A, {A}),
        ("set/cat/1.png", {A}),
        ("cat/1.png", {A}),
        ("2.png", {C}),
        ("loose.png", {D}),
        ("1.png", {A, B}),  # two are called so
        ("set/dog/copy.png", {A}),  # the name of a dropped duplicate
        ("copy.png", {A}),
        ("at/1.png", set()),  # not at the border of a folder
        ("set/x.png", set()),  # in quarantine
        ("nobody", set()),
    ],
)
def test_a_key_finds_its_sample(folder: Path, key: str, ids: set[str]) -> None:
    assert find(folder, Index.load(folder), {key}).get(key, set()) == ids


def test_a_whole_name_goes_before_the_end_of_another(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "set", 9)
    writer.add(A, b"", "1.png")
    writer.add(B, b"", "set/1.png")
    assert find(tmp_path, Index(shards=writer.finish()), {"1.png"}) == {"1.png": {A}}


def test_unknown_and_ambiguous_keys_are_told_apart() -> None:
    given = [Given("x", Row("", "cat")), Given("y", Row("", "dog")), Given("z", Row("", "cow"))]
    rows, unknown = resolve(given, {"x": {A}, "y": {A, B}})
    assert rows == [Row(A, "cat")]
    assert unknown == {"y": "2 samples are called so", "z": "no sample of this id, name or path"}


def test_folders_are_labels_of_what_lies_in_them(folder: Path) -> None:
    given = list(from_folders(folder, Index.load(folder)))
    assert [(g.key, g.row.label) for g in given] == [
        ("set/cat/1.png", "cat"), ("set/dog/1.png", "dog"), ("set/dog/2.png", "dog"),
        ("set/dog/copy.png", "dog"),
    ]  # fmt: skip
    rows, _ = resolve(given, find(folder, Index.load(folder), {g.key for g in given}))
    assert settle((0, row) for row in rows).contradictory == {A: ["cat", "dog"]}


def test_rows_become_labels() -> None:
    rows = [
        {
            "name": "1",
            "label": "cat",
            "annotator": "ana",
            "time": "2026-01-12T10:00:00+01:00",
            "split": "TEST",
        },
        {"name": "2", "label": ""},
        {"name": "", "path": "p", "label": "dog"},
    ]
    assert list(given_of(rows, "labels.csv")) == [
        Given("1", Row("", "cat", "ana", "2026-01-12T09:00:00Z", "test")),
        Given("p", Row("", "dog")),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"name": "1", "klass": "cat"}, "needs a column label"),
        ({"nmae": "1", "label": "cat"}, "one of id, name, path"),
        ({"name": "1", "label": "cat", "split": "tset"}, "line 2: split must be"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(row: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(given_of([row], "labels.csv"))


def test_times_sort_as_text() -> None:
    assert utc("2026-01-12T10:00:00+01:00") == utc("2026-01-12 09:00") == "2026-01-12T09:00:00Z"
    assert utc("") == ""
    assert utc("yesterday") == "yesterday"
    assert utc("0001-01-01T00:00:00+23:59") == "0001-01-01T00:00:00+23:59"


def test_the_table_only_grows_and_by_what_is_new(folder: Path) -> None:
    index = Index.load(folder)
    index, first = append(folder, index, [Row(B, "dog"), Row(A, "cat"), Row(A, "cat")])
    again, none = append(folder, index, [Row(A, "cat")])
    index, second = append(folder, index, [Row(A, "cat"), Row(A, "cow")])
    assert (first, none, second) == (2, 0, 1)
    assert again.labels == index.labels[:1]
    assert read_labels(folder, index) == [(0, Row(A, "cat")), (0, Row(B, "dog")), (1, Row(A, "cow"))]


EARLY, LATE = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("rows", "label"),
    [
        ([(0, Row(A, "cat", "ana", EARLY))], "cat"),
        ([(0, Row(A, "cat", "ana", LATE)), (1, Row(A, "dog", "ana", EARLY))], "cat"),  # the later time
        ([(0, Row(A, "cat", "ana", EARLY)), (0, Row(A, "dog", "ana", LATE))], "dog"),
        ([(0, Row(A, "cat")), (1, Row(A, "dog"))], "dog"),  # without times, the later file
        ([(0, Row(A, "cat")), (0, Row(A, "dog"))], None),  # two things at once
        ([(0, Row(A, "cat", "ana", EARLY)), (0, Row(A, "dog", "ben", LATE))], None),  # two people
        ([(0, Row(A, "cat", "ana")), (0, Row(A, "cat", "ben"))], "cat"),  # who agree
        (
            [(0, Row(A, "cat", "ana", EARLY)), (0, Row(A, "dog", "ben")), (1, Row(A, "dog", "ana", LATE))],
            "dog",
        ),
    ],
)
def test_what_holds(rows: list[tuple[int, Row]], label: str | None) -> None:
    settled = settle(rows)
    assert settled.labels.get(A) == label
    assert settled.contradictory == ({} if label else {A: ["cat", "dog"]})


def test_once_a_test_item_always_a_test_item() -> None:
    rows = [
        Row(A, "cat", split="train"),
        Row(A, "cat", split="test"),
        Row(A, "cat", split="train"),
        Row(B, "cat"),
    ]
    assert settle(enumerate(rows)).named == {A: "test"}
    assert settle(enumerate(rows)).classes == ["cat"]
