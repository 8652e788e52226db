import json
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from components.data.label_files import given_in
from components.errors import UserError
from pipelines.labelling.answers import AnswerFile, answer_file, of_others, read_answers

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


@pytest.fixture
def file(tmp_path):
    made = AnswerFile(tmp_path, "ana")
    yield made
    made.close()


def again(file):
    """The same file, opened anew."""
    file.close()
    file.__init__(file.file.parent, "ana")
    return file


def test_a_line_is_what_ingest_reads(file):
    file.append([(A, "cat")], "label", "request-1")
    (given,) = given_in(file.file, "labels-by-ana.jsonl")
    (line,) = read_answers(file.file)
    assert given.keys == (A,)
    assert given.row._replace(time="") == given.row.__class__("", "cat", "ana", "", "", "labels-by-ana.jsonl")
    assert given.row.time == line.time
    assert asdict(line) == {
        "id": A, "label": "cat", "annotator": "ana", "time": line.time, "answer": "label", "request": "request-1"
    }  # fmt: skip


def test_the_same_request_adds_its_lines_once_also_after_a_restart(file):
    assert file.append([(A, "cat"), (B, "cat")], "label", "request-1") == 2
    assert file.append([(A, "cat"), (B, "cat"), (C, "cat")], "label", "request-1") == 1
    assert again(file).append([(A, "cat"), (C, "cat")], "label", "request-1") == 0
    assert [line.id for line in read_answers(file.file)] == [A, B, C]


def test_the_last_word_counts_and_undo_brings_back_the_one_before(file):
    file.append([(A, "cat")], "label", "request-1")
    file.append([(A, "dog")], "label", "request-2")
    assert file.said.labels == {A: "dog"}
    assert file.said.before(A).label == "cat"
    file.append([(A, "cat")], "undo", "request-3")
    assert file.said.labels == {A: "cat"}
    assert len(read_answers(file.file)) == 3  # nothing was rewritten
    assert given_in(file.file, "labels-by-ana.jsonl")[-1].row.label == "cat"
    assert again(file).said.labels == {A: "cat"}
    file.append([(A, "")], "undo", "request-4")
    assert file.said.labels == {}
    assert file.said.groups == []


def test_labels_given_together_are_undone_together(file):
    file.append([(A, "cat"), (B, "cat")], "label", "request-1")
    file.append([(C, "dog")], "label", "request-2")
    assert file.said.groups == [("request-1", [A, B]), ("request-2", [C])]
    assert again(file).said.groups == [("request-1", [A, B]), ("request-2", [C])]


def test_cannot_tell_is_an_answer_without_a_label(file):
    file.append([(A, "")], "unsure", "request-1")
    assert A in file.said.last
    assert file.said.labels == {}


def test_times_rise_and_sort_as_text(file):
    for number in range(50):
        file.append([(A, str(number))], "label", f"request-{number}")
    times = [line.time for line in read_answers(file.file)]
    assert times == sorted(set(times))
    assert all("." in time for time in times)


def test_times_rise_where_the_clock_was_set_back(file):
    file.said.time = datetime.now(UTC) + timedelta(days=1)
    file.append([(A, "cat")], "label", "request-1")
    (line,) = read_answers(file.file)
    assert line.moment > datetime.now(UTC) + timedelta(hours=23)


def test_a_line_that_a_kill_cut_short_is_gone_and_the_next_one_is_whole(file):
    file.append([(A, "cat")], "label", "request-1")
    with file.file.open("ab") as stream:
        stream.write(b'{"id": "bbb')
    assert [line.id for line in read_answers(file.file)] == [A]
    again(file).append([(B, "dog")], "label", "request-2")
    assert [json.loads(line)["label"] for line in file.file.read_text().splitlines()] == ["cat", "dog"]


def test_what_could_not_be_written_whole_leaves_nothing(file, monkeypatch):
    file.append([(A, "cat")], "label", "request-1")
    before, write = file.file.read_bytes(), os.write
    calls = []

    def full(handle, data):
        calls.append(data)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(handle, data[:10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        file.append([(B, "dog")], "label", "request-2")
    monkeypatch.undo()
    assert file.file.read_bytes() == before
    assert file.said.labels == {A: "cat"}
    assert file.append([(B, "dog")], "label", "request-2") == 1


def test_a_second_page_of_the_same_annotator_is_refused(file):
    with pytest.raises(UserError, match="annotator ana is open already"):
        AnswerFile(file.file.parent, "ana")


@pytest.mark.parametrize("name", ["", "a/b", "../ana", ".ana", "folder", "delivery", "a" * 65, "a b", "a\n"])
def test_names_that_are_no_file_are_refused(tmp_path, name):
    with pytest.raises(UserError, match="--annotator needs a name"):
        answer_file(tmp_path, name)


def test_a_file_that_is_not_the_pages_own_is_left_alone(tmp_path):
    own = answer_file(tmp_path, "ana")
    own.write_text('{"path": "a.png", "label": "cat"}\n')
    with pytest.raises(UserError, match="must hold the labelling page's own lines"):
        AnswerFile(tmp_path, "ana")
    assert own.read_text() == '{"path": "a.png", "label": "cat"}\n'


def test_the_others_are_read_by_their_names(file):
    other = AnswerFile(file.file.parent, "ben")
    other.append([(A, "dog")], "label", "request-1")
    other.close()
    file.append([(B, "cat")], "label", "request-1")
    found = of_others(file.file.parent, file.file)
    assert {name: said.labels for name, said in found.items()} == {"ben": {A: "dog"}}


def test_a_page_without_an_answer_leaves_nothing_that_ingest_sees(file):
    assert [path.name for path in file.file.parent.iterdir() if not path.name.startswith(".")] == []
    file.file.write_bytes(b'{"id": "aaa')  # the first line, cut short
    again(file)
    assert not file.file.exists()
