"""CSV: every usual encoding and delimiter is read; what its author cannot have meant is refused with its line."""

from pathlib import Path

import pytest

from components.data.csv_text import encoding_of, read_csv

ROWS = [(1, ["path", "label"]), (2, ["a.png", "Größe"]), (3, ["b.png", "bars"])]
TEXT = "path,label\na.png,Größe\nb.png,bars\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("latin1"),
        TEXT.replace(",", ";").replace("\n", "\r\n").encode(),
        TEXT.replace(",", "\t").encode(),
        TEXT.replace(",", "|").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace(",", " , ").replace("\n", "\u00a0\n").encode(),
        TEXT.replace("a.png", '"a.png"').replace(",", ', "', 1).replace("label", 'label"').encode(),
    ],
)
def test_every_usual_form_gives_the_same_rows(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(data)
    assert list(read_csv(tmp_path / "x.csv")) == ROWS


def test_an_odd_byte_far_behind_makes_the_whole_file_windows_1252(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"path\n" + b"a\n" * 2_000_000 + b"caf\xe9\n")
    assert encoding_of(tmp_path / "x.csv") == "cp1252"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("sep=;\r\na;b,c\r\n1;2\r\n", [(2, ["a", "b,c"]), (3, ["1", "2"])]),
        ("# exported today\n\na,b\n1,2\n", [(3, ["a", "b"]), (4, ["1", "2"])]),
        ("#a,b\n1,2\n", [(1, ["#a", "b"]), (2, ["1", "2"])]),
        ("a,b\n\n1,2\n , \n3\n", [(1, ["a", "b"]), (3, ["1", "2"]), (5, ["3"])]),
        ('a,b\n1,"x\ny"\n2,z\n', [(1, ["a", "b"]), (2, ["1", "x\ny"]), (4, ["2", "z"])]),
        ("a,b\n1,2,,\n", [(1, ["a", "b"]), (2, ["1", "2"])]),
        (
            "a,b\n1,2\nA,B\n3,4\n",
            [(1, ["a", "b"]), (2, ["1", "2"]), (4, ["3", "4"])],
        ),  # files that were joined
    ],
)
def test_lines_are_counted_as_an_editor_does(
    tmp_path: Path, text: str, rows: list[tuple[int, list[str]]]
) -> None:
    (tmp_path / "x.csv").write_bytes(text.encode())
    assert list(read_csv(tmp_path / "x.csv")) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n" + '3,"4\n' + "5,6\n" * 40, "line 3: a quote is opened and never closed"),
        ('a,b\n1,"2\n3,4\n5,"6"\n', "line 2: text follows a closing quote"),
        ("a,b\n1,2\n3,4,5\n", "line 3: 3 values for 2 columns; a value that holds ',' needs quotes"),
        ("a,b\n1,\0\n", "line 2: a value holds a NUL"),
        ("a,b,A\n", "two columns are called 'a'"),
        ('a,b\n1,"' + "x\n" * 100_000, "line 2: a quote is opened and not closed for"),
        ("", "it is empty"),
        ("\n# nothing\n", "it is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        list(read_csv(tmp_path / "x.csv"))
