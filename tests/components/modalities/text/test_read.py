import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.reader import TableSample
from components.modalities.text.config import TextConfig, TextLimits
from components.modalities.text.read import TextReader

ROWS = [("a, b", "x"), ("second\nline", ""), ("dritte Zeile: ä", "y")]


def reader(**config):
    return TextReader(TextConfig(**config), TextLimits())


def write(folder, suffix):
    file = folder / f"some{suffix}"
    if suffix == ".parquet":
        text, label = zip(*ROWS, strict=True)
        pq.write_table(pa.table({"Text": text, "label": label, "Site": ["s", "t", "u"]}), file)
    elif suffix == ".jsonl":
        file.write_text("\n".join(json.dumps({"Text": t, "label": c, "Site": "s"}) for t, c in ROWS))
    else:
        mark = "\t" if suffix == ".tsv" else ","
        lines = [mark.join([f'"{t}"', c, "s"]) for t, c in ROWS]
        file.write_text("\n".join([mark.join(["Text", "label", "Site"]), *lines]))
    return file


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_rows_of_a_table(tmp_path, suffix):
    found = list(reader().rows(write(tmp_path, suffix), "2024/some", None))
    assert found == [TableSample(f"2024/some#{k}", t.encode(), c, "") for k, (t, c) in enumerate(ROWS)]


def test_names_sources_and_another_column(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("file_name,Body,site\nm1,first,north\n,second,south\n")
    found = list(reader(column="body").rows(file, "a", "Site"))
    assert found == [TableSample("m1", b"first", "", "north"), TableSample("a#1", b"second", "", "south")]


def test_a_group(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text,Author\nfirst,ana\nsecond,\n")
    one = reader()
    one.group = "author"
    assert [row.group for row in one.rows(file, "a", None)] == ["ana", ""]


def test_which_tables_are_texts():
    assert reader().is_table("x.csv", {"text", "label"})
    assert not reader().is_table("labels.csv", {"path", "label"})
    assert reader(column="Body").is_table("x.csv", {"body"})
    assert not reader(column="Body").is_table("x.csv", {"text"})


def test_a_broken_table_is_one_line(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text('text,label\n"never closed\n')
    with pytest.raises(ValueError, match="a quote is opened and never closed"):
        list(reader().rows(file, "a", None))


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"From: a\nSubject: b\n\nHello", True),
        ("Grüße".encode(), True),
        ("Grüße".encode()[:3], True),  # cut within a character
        ("Grüße".encode("utf-16")[:5], True),  # within one of UTF-16
        ("a😀".encode("utf-16")[:7], True),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", False),
        (b"PK\x03\x04\x14\0\0\0", False),
        (b"", False),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", False),
    ],
)
def test_what_a_file_without_a_telling_suffix_begins_with(head, text):
    assert reader().begins_like(head) == text


def test_what_it_wants_names_the_column():
    assert "`body`" in reader(column="body").wanted
    assert reader().suffixes == {".txt", ".md", ".eml"}
