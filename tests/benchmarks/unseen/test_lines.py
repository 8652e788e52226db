import numpy as np
import pytest

from benchmarks.unseen.lines import Line, append, done, pack, read, unpack
from benchmarks.unseen.plan import Cell
from components.errors import UserError


def line(name="digits", labels=10, draw=0, code="a", **more):
    given = {"half": "development", "commit": "0" * 40, "finished": 1.0, **more}
    return Line(name=name, labels=labels, draw=draw, code=code, **given)


def test_predictions_come_back_and_give_accuracy():
    values = np.array([0, 31, 7, 70_000])
    assert unpack(pack(values)).tolist() == values.tolist()
    one = line(
        truth=pack(np.array([0, 1, 2, 3])),
        columns={"model": pack(np.array([0, 1, 2, 0])), "knn": pack(np.array([1, 1, 1, 1]))},
        own={"probe": 0.5},
    )
    assert one.right("model").tolist() == [True, True, True, False]
    assert one.accuracies() == {"model": 0.75, "knn": 0.25, "own probe": 0.5}


def test_lines_are_added_and_the_newest_of_a_cell_counts(tmp_path):
    file = tmp_path / "results.jsonl"
    assert read(file) == []
    first, other, again = line(seconds=1.0), line(draw=1), line(seconds=2.0)
    for one in (first, other, again):
        append(file, one)
    assert read(file) == [other, again]
    assert file.read_text().count("\n") == 3


def test_a_line_torn_by_a_kill_costs_that_cell_alone(tmp_path):
    file = tmp_path / "results.jsonl"
    append(file, line(draw=0))
    with file.open("a") as stream:
        stream.write(line(draw=1).model_dump_json()[:50])
    append(file, line(draw=2))
    assert [one.draw for one in read(file)] == [0, 2]


def test_a_line_of_another_kind_is_named(tmp_path):
    file = tmp_path / "results.jsonl"
    append(file, line())
    with file.open("a") as stream:
        stream.write('{"set": "digits"}\n')
    with pytest.raises(UserError, match=r"results.jsonl, line 2: .*move the file away"):
        read(file)


def test_done_is_what_was_measured_with_the_same_code_and_without_an_error():
    lines = [line(), line(labels="all"), line(draw=1, error="killed"), line(name="emoji", code="b")]
    assert done(lines, "a") == {Cell("digits", 10, 0), Cell("digits", "all", 0)}
    assert done(lines, "b") == {Cell("emoji", 10, 0)}
