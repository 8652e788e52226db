"""Labels: appended when an origin says something else than before; settled without guessing."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.labels import Row, append, read_labels, settle
from components.data.shards import Index, LabelFile

A, B = ("a" * 64, "b" * 64)


class Said:
    """A label table, and what holds after each thing that is said."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.index = folder, Index()

    def __call__(self, *rows: Row) -> str | list[str] | None:
        self.index, self.new = append(self.folder, self.index, rows)
        settled = settle(read_labels(self.folder, self.index))
        return settled.contradictory.get(A, settled.labels.get(A))


@pytest.fixture
def said(tmp_path: Path) -> Said:
    return Said(tmp_path)


def by(origin: str, label: str, annotator: str = "", time: str = "") -> Row:
    return Row(A, label, annotator, time, "", origin)


def test_a_label_that_is_changed_back_holds_again(said: Said) -> None:
    assert [said(by("l", label)) for label in ("cat", "dog", "cat", "cat")] == ["cat", "dog", "cat", "cat"]
    assert said.new == 0


def test_an_emptied_label_is_withdrawn_and_one_that_never_was_is_nothing(said: Said) -> None:
    assert said(by("l", "")) is None
    assert said.index.labels == []
    assert said(by("l", "cat", "ana")) == "cat"
    assert said(by("m", "", "ana")) == "cat"  # another file, where it was never filled in
    assert said(by("l", "")) is None  # the row is emptied, annotator and all
    assert (said(by("l", "")), said.new) == (None, 0)
    assert said(by("l", "dog", "ana")) == "dog"


def test_a_file_that_stays_as_it_is_does_not_win_over_a_later_one(said: Said) -> None:
    assert said(by("l", "cat")) == "cat"
    assert said(by("l", "cat"), by("m", "dog")) == "dog"
    assert said(by("l", "cat"), by("m", "dog")) == "dog"
    assert said(by("l", "cow"), by("m", "dog")) == "cow"


def test_what_a_file_says_now_replaces_what_it_said_whatever_the_times(said: Said) -> None:
    assert said(by("l", "cat", "ana", EARLY), by("l", "dog", "ana", LATE)) == "dog"
    assert said(by("l", "cat", "ana", EARLY)) == "cat"  # the later row was taken out
    assert said(by("m", "cow", "ana", LATE)) == "cow"
    assert said(by("l", "dog", "ana", EARLY)) == "cow"  # another file's is later by its time


def test_a_person_corrects_what_came_with_the_data(said: Said) -> None:
    assert (
        said(by("folders", "cat", "folder"), by("a.parquet", "cow", "delivery"), by("l", "dog", "ana"))
        == "dog"
    )
    assert said(by("a.parquet", "", "delivery")) == "dog"


def test_an_empty_cell_withdraws_what_came_with_the_data(said: Said) -> None:
    folder = by("folders", "cat", "folder")
    assert said(folder, by("l", "")) is None  # at once, never filled in
    assert (said(folder, by("l", "")), said.new) == (None, 0)
    assert settle(read_labels(said.folder, said.index)).withdrawn == {A}
    assert said(folder, by("l", "dog")) == "dog"
    assert said(folder, by("l", "")) is None  # emptied: the folder's label does not come back
    assert said(by("folders", "cow", "folder")) is None  # nor where its file moves
    assert said(by("l", "cow", "ben")) == "cow"


def test_an_empty_cell_withdraws_no_label_of_another_file_and_none_where_it_names_a_split(said: Said) -> None:
    assert said(by("folders", "cat", "folder"), by("l", "dog")) == "dog"
    assert said(by("l", "dog"), by("m", "")) == "dog"
    assert said.new == 0
    other = by("folders", "cat", "folder")._replace(id=B), Row(B, "", split="test", origin="l")
    said(*other)
    settled = settle(read_labels(said.folder, said.index))
    assert (settled.labels[B], settled.named[B], settled.withdrawn) == ("cat", "test", set())


def test_labels_from_before_origins_were_kept_are_not_given_again(said: Said) -> None:
    names = ("id", "label", "annotator", "time", "split")
    columns = dict(zip(names, zip((A, "cat", "", "", ""), (A, "dog", "", "", ""), strict=True), strict=True))
    for number in (0, 1):
        file = said.folder / f"{number}.parquet"
        pq.write_table(pa.table({name: [values[number]] for name, values in columns.items()}), file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        held = [*said.index.labels, LabelFile(file=file.name, rows=1, digest=digest)]
        said.index = said.index.model_copy(update={"labels": held})
    assert said(by("l", "cat"), by("m", "dog")) == "dog"
    assert said.new == 0


EARLY, LATE = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


def test_the_table_only_grows_and_by_what_is_new(tmp_path: Path) -> None:
    folder = tmp_path
    index, first = append(folder, Index(), [Row(B, "dog"), Row(A, "cat"), Row(A, "cat")])
    again, none = append(folder, index, [Row(A, "cat")])
    index, second = append(folder, index, [Row(A, "cat"), Row(A, "cow")])
    assert (first, none, second) == (2, 0, 1)
    assert again.labels == index.labels[:1]
    assert read_labels(folder, index) == [(0, Row(A, "cat")), (0, Row(B, "dog")), (1, Row(A, "cow"))]


@pytest.mark.parametrize(
    ("rows", "label"),
    [
        ([(0, Row(A, "cat", "ana", EARLY))], "cat"),
        ([(0, Row(A, "cat", "ana", LATE)), (1, Row(A, "dog", "ana", EARLY))], "cat"),  # the later time
        ([(0, Row(A, "cat", "ana", EARLY)), (0, Row(A, "dog", "ana", LATE))], "dog"),
        ([(0, Row(A, "cat")), (1, Row(A, "dog"))], "dog"),  # without times, the later file
        ([(0, Row(A, "cat", "", LATE)), (1, Row(A, "dog"))], "dog"),  # one without a time
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
