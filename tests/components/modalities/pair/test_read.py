"""Folders and tables of pairs in an inbox: what becomes a pair, under which name, and what lacks a side."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.inbox import Inbox, Item
from components.modalities.pair.check import NO_CAPTION, NO_IMAGE
from components.modalities.pair.config import PairConfig, PairLimits
from components.modalities.pair.container import join, sides
from components.modalities.pair.read import PairReader
from components.modalities.text.config import TextConfig
from tests.components.modalities.cases import png

NOW = 1_000_000.0


def put(folder: Path, name: str, data: bytes, age: float = 100) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (NOW - age, NOW - age))
    return file


def at(folder: Path, **text: str) -> Inbox:
    reader = PairReader(PairConfig(text=TextConfig(**text)), PairLimits())
    return Inbox(folder, reader, settle=5, now=NOW)


def items(inbox: Inbox) -> dict[str, list[Item]]:
    listing = inbox.list()
    assert listing.broken == {}
    assert all(inbox.count(each) == len(list(inbox.items(each, 0))) for each in listing.deliveries)
    return {each.name: list(inbox.items(each, 0)) for each in listing.deliveries}


def test_a_text_beside_an_image_of_its_name_is_its_caption(tmp_path):
    for name, data in (
        ("a/1.png", png(1)), ("a/1.txt", b"one"), ("a/deep/2.PNG", png(2)), ("a/deep/2.txt", b"two"),
        ("b/1.jpg", png(3)), ("b/1.txt", b"other"),
    ):  # fmt: skip
        put(tmp_path, name, data)
    found = items(at(tmp_path))
    assert [(one.name, one.data) for one in found["a"]] == [
        ("a/1.png", join(png(1), b"one")), ("a/deep/2.PNG", join(png(2), b"two")),
    ]  # fmt: skip
    assert [(one.name, one.data) for one in found["b"]] == [("b/1.jpg", join(png(3), b"other"))]


def test_a_side_that_is_missing_is_quarantined_with_its_reason(tmp_path):
    put(tmp_path, "a/1.png", png(1))
    put(tmp_path, "a/2.txt", b"two")
    put(tmp_path, "a/3.png", png(3))
    put(tmp_path, "a/3.txt", b"three")
    inbox = at(tmp_path)
    found = items(inbox)["a"]
    assert [one.name for one in found] == ["a/1.png", "a/2.txt", "a/3.png"]
    assert inbox.reader.check([one.data for one in found]) == [NO_CAPTION, NO_IMAGE, None]


def test_a_side_that_may_still_come_is_left_for_the_next_time(tmp_path):
    put(tmp_path, "a/1.png", png(1), age=1)
    put(tmp_path, "a/2.png", png(2), age=1)
    put(tmp_path, "a/2.txt", b"two", age=1)
    listing = at(tmp_path).list()
    assert listing.left == {"a/1.png": "the file that belongs to it is not there yet"}
    assert [each.files for each in listing.deliveries] == [["a/2.png", "a/2.txt"]]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("column", ["path", "file_name", "image"])
def test_a_table_names_images_beside_it_or_below_the_inbox(tmp_path, form, column):
    put(tmp_path, "set/1.png", png(1))
    put(tmp_path, "set/in/2.png", png(2))
    put(tmp_path, "else/3.png", png(3))
    rows = [("1.png", "one, with a comma", "x"), ("in/2.png", "two", ""), ("else/3.png", "three", "y"),
            ("gone.png", "four", ""), ("", "five", "")]  # fmt: skip
    if form == "parquet":
        path, text, label = zip(*rows, strict=True)
        pq.write_table(pa.table({column: path, "Text": text, "label": label}), tmp_path / "set/t.parquet")
    elif form == "jsonl":
        lines = [json.dumps({column: p, "text": t, "label": c}) for p, t, c in rows]
        put(tmp_path, "set/t.jsonl", ("\n".join(lines) + "\n").encode())
    else:
        lines = [f'{p},"{t}",{c}' for p, t, c in rows]
        put(tmp_path, "set/t.csv", ("\n".join([f"{column},text,label", *lines]) + "\n").encode())
    os.utime(tmp_path / f"set/t.{form}", (NOW - 100, NOW - 100))
    inbox = at(tmp_path)
    found = items(inbox)
    assert list(found) == [f"set/t.{form}"]  # the images that it names are no deliveries of their own
    rows_found = found[f"set/t.{form}"]
    assert [(one.name, one.label) for one in rows_found] == [
        ("set/1.png", "x"), ("set/in/2.png", ""), ("else/3.png", "y"), ("set/gone.png", ""),
        (f"set/t.{form}#4", ""),
    ]  # fmt: skip
    assert [one.data for one in rows_found[:3]] == [
        join(png(1), b"one, with a comma"), join(png(2), b"two"), join(png(3), b"three"),
    ]  # fmt: skip
    assert inbox.reader.check([one.data for one in rows_found]) == [None, None, None, NO_IMAGE, NO_IMAGE]


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "in/../../secret.png", "link.png"])
def test_no_path_leads_out_of_the_inbox(tmp_path, path):
    put(tmp_path, "secret.png", png(9))
    box = tmp_path / "inbox"
    put(box, "t.csv", f"path,text\n{path},words\n".encode())
    (box / "link.png").symlink_to(tmp_path / "secret.png")
    inbox = at(box)
    (found,) = items(inbox)["t.csv"]
    assert sides(found.data).image == b""
    assert inbox.reader.check([found.data]) == [NO_IMAGE]


def test_a_parquet_file_may_hold_the_images_itself(tmp_path):
    table = {"image": [png(1), png(2), None], "caption": ["one", None, "three"], "name": ["a", "b", "c"]}
    pq.write_table(pa.table(table | {"label": ["x", "", "y"]}), tmp_path / "t.parquet")
    inbox = at(tmp_path, column="caption")
    found = items(inbox)["t.parquet"]
    assert [(one.name, one.label) for one in found] == [("a", "x"), ("b", ""), ("c", "y")]
    assert found[0].data == join(png(1), b"one")
    assert inbox.reader.check([one.data for one in found]) == [None, NO_CAPTION, NO_IMAGE]


def test_a_source_and_a_group_come_along(tmp_path):
    put(tmp_path, "1.png", png(1))
    put(tmp_path, "t.csv", b"path,text,Site,Patient\n1.png,one,north,p7\n")
    inbox = at(tmp_path)
    inbox.source, inbox.reader.group = "Site", "Patient"
    (found,) = items(inbox)["t.csv"]
    assert (found.source, found.group) == ("north", "p7")


def test_labels_and_tables_without_captions_are_no_samples(tmp_path):
    put(tmp_path, "a/1.png", png(1))
    put(tmp_path, "a/1.txt", b"one")
    put(tmp_path, "labels.csv", b"path,label\na/1.png,x\n")
    put(tmp_path, "b.csv", b"path,size\na/1.png,3\n")
    listing = at(tmp_path).list()
    assert listing.label_files == ["labels.csv"]
    assert [each.name for each in listing.deliveries] == ["a"]
    assert listing.broken == {"b.csv": "no column of pairs or path: it has path, size"}


def test_an_image_above_the_limit_is_not_read_to_its_end_and_refused_as_too_large(tmp_path):
    put(tmp_path, "1.png", png(1) + b"\0" * 5000)
    put(tmp_path, "1.txt", b"one")
    reader = PairReader(PairConfig(), PairLimits.model_validate({"image": {"max_bytes": 300}}))
    inbox = Inbox(tmp_path, reader, settle=5, now=NOW)
    (found,) = inbox.items(inbox.list().deliveries[0], 0)
    assert len(sides(found.data).image) == 301
    assert reader.check([found.data]) == ["image too large a file: 301 bytes, allowed 300"]
