import pytest

from benchmarks.kinds.lines import FILE, Cell, append, done, read
from components.errors import UserError
from tests.benchmarks.kinds.made import line


def test_the_newest_line_of_a_cell_and_code_counts(tmp_path):
    file = tmp_path / FILE
    assert read(file) == []
    first, other, again = line(finished=1.0), line(code="b"), line(finished=2.0)
    for one in (first, other, again):
        append(file, one)
    assert read(file) == [other, again]
    assert done(read(file), "b") == {Cell("films", 0)}
    assert done([line(draw=1)], "b") == set()


def test_a_torn_line_is_passed_over_and_another_one_is_refused(tmp_path):
    file = tmp_path / FILE
    append(file, line())
    file.write_bytes(file.read_bytes() + b'{"row": "fil')
    append(file, line(draw=1))
    assert [one.draw for one in read(file)] == [0, 1]
    file.write_text('{"row": "films"}\n')
    with pytest.raises(UserError, match="line 1"):
        read(file)


def test_right_by_column():
    assert line().right("init").sum() == 70
    assert str(Cell("films", 2)) == "films, draw 2"
