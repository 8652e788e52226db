"""What an inbox can hold: every form of delivery, what is hostile, what is not finished yet."""

import hashlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.inbox import LOOSE, Inbox, Item
from components.data.reader import kind_of
from components.data.tables import columns_of, read_rows
from components.modalities.image.config import ImageLimits
from components.modalities.image.read import ImageReader

READER = ImageReader(ImageLimits())
NOW = 1_000_000.0
OLD, YOUNG = NOW - 100, NOW - 1


def put(folder: Path, name: str, data: bytes = b"x", mtime: float = OLD) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (mtime, mtime))
    return file


def put_parquet(folder: Path, name: str, columns: dict[str, object], mtime: float = OLD) -> Path:
    file = put(folder, name)
    pq.write_table(pa.table(columns), file, row_group_size=2)
    os.utime(file, (mtime, mtime))
    return file


def at(folder: Path) -> Inbox:
    return Inbox(folder, READER, settle=5, now=NOW)


def items(folder: Path) -> dict[str, list[Item]]:
    inbox = at(folder)
    return {d.name: list(inbox.items(d, max_bytes=100)) for d in inbox.list().deliveries}


def test_folders_and_loose_files_are_deliveries(tmp_path: Path) -> None:
    for name in ("b/deep/er/2.PNG", "b/1.jpg", "loose.png", "a/x.webp"):
        put(tmp_path, name, name.encode())
    found = items(tmp_path)
    assert {name: [i.name for i in found[name]] for name in found} == {
        LOOSE: ["loose.png"], "a": ["a/x.webp"], "b": ["b/1.jpg", "b/deep/er/2.PNG"],
    }  # fmt: skip
    assert found["b"][1].data == b"b/deep/er/2.PNG"


@pytest.mark.parametrize(
    "name", [".hidden.png", "~x.png", ".git/x.png", "x.png.part", "x.png.crdownload", "a.tmp"]
)
def test_hidden_and_half_copied_files_are_not_seen(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    listing = at(tmp_path).list()
    assert listing.deliveries == []
    assert listing.ignored == []


def test_other_files_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "a/README.md")
    assert at(tmp_path).list().ignored == ["a/README.md"]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_parquet_with_images(tmp_path: Path, kind: pa.DataType) -> None:
    put_parquet(tmp_path, "x.parquet", {
        "id": ["i", "j", "k"], "image": pa.array([b"1", None, b"3"], kind), "name": ["n", None, "m"],
        "label": [7, None, 8],
    })  # fmt: skip
    assert items(tmp_path) == {
        "x.parquet": [Item("n", b"1", label="7"), Item("x.parquet#1", b""), Item("m", b"3", label="8")]
    }


def test_parquet_tells_where_each_sample_comes_from(tmp_path: Path) -> None:
    put_parquet(tmp_path, "x.parquet", {"image": [b"1", b"2", b"3"], "Scanner": ["A", None, "7"]})
    put_parquet(tmp_path, "y.parquet", {"image": [b"4"]})
    inbox = Inbox(tmp_path, READER, settle=5, now=NOW, source="Scanner")
    listing = inbox.list()
    found = [(item.data, item.source) for d in listing.deliveries for item in inbox.items(d, 99)]
    assert found == [(b"1", "A"), (b"2", ""), (b"3", "7"), (b"4", "")]
    assert listing.columns == {"image", "scanner"}
    assert {item.source for d in listing.deliveries for item in at(tmp_path).items(d, 99)} == {
        ""
    }  # not asked


@pytest.mark.parametrize("name", ["files.csv", "files.parquet"])
def test_a_table_of_paths_tells_where_each_file_comes_from(tmp_path: Path, name: str) -> None:
    for file in ("a/1.png", "a/2.png", "a/3.png"):
        put(tmp_path, file)
    if name.endswith("csv"):
        put(tmp_path, name, b"path;Scanner\na/2.png;B\na/1.png;A\n")
    else:
        put_parquet(tmp_path, name, {"path": ["a/2.png", "a/1.png"], "Scanner": ["B", "A"]})
    inbox = Inbox(tmp_path, READER, settle=5, now=NOW, source="Scanner")
    found = {item.name: item.source for d in inbox.list().deliveries for item in inbox.items(d, 99)}
    assert found == {"a/1.png": "A", "a/2.png": "B", "a/3.png": ""}


def test_a_group_is_told_as_a_source_is(tmp_path: Path) -> None:
    reader = ImageReader(ImageLimits())
    reader.group = "Patient"
    put(tmp_path, "a/1.png")
    put(tmp_path, "files.csv", b"path,Patient\na/1.png,p7\n")
    put_parquet(tmp_path, "x.parquet", {"image": [b"1", b"2"], "Patient": [3, None]})
    inbox = Inbox(tmp_path, reader, settle=5, now=NOW)
    found = {item.name: item.group for d in inbox.list().deliveries for item in inbox.items(d, 99)}
    assert found == {"a/1.png": "p7", "x.parquet#0": "3", "x.parquet#1": ""}


def test_parquet_as_hugging_face_writes_it(tmp_path: Path) -> None:
    put_parquet(tmp_path, "sub/x.parquet", {"image": [{"bytes": b"1", "path": "p.png"}, None]})
    assert items(tmp_path) == {"sub/x.parquet": [Item("p.png", b"1"), Item("sub/x.parquet#1", b"")]}


def test_a_column_that_holds_no_bytes_is_the_files_fault(tmp_path: Path) -> None:
    put_parquet(tmp_path, "x.parquet", {"bytes": ["text"]})
    with pytest.raises(ValueError, match="must hold bytes, it holds string"):
        items(tmp_path)


def test_a_table_without_a_useful_column_is_broken(tmp_path: Path) -> None:
    put_parquet(tmp_path, "x.parquet", {"pixels": [1]})
    assert at(tmp_path).list().broken == {"x.parquet": "no column of images or path: it has pixels"}


@pytest.mark.parametrize("name", ["files.csv", "files.parquet"])
def test_a_table_of_paths_takes_its_files_out_of_their_folder(tmp_path: Path, name: str) -> None:
    for file in ("a/1.png", "a/2.png", "odd.bin"):
        put(tmp_path, file)
    if name.endswith("csv"):
        put(tmp_path, name, b"path;label\na/2.png;cat\nodd.bin;dog\na/2.png;cow\n")
    else:
        put_parquet(tmp_path, name, {"path": ["a/2.png", "odd.bin"], "label": ["cat", "dog"]})
    listing = at(tmp_path).list()
    assert [(d.name, d.files) for d in listing.deliveries] == [
        ("a", ["a/1.png"]),
        (name, ["a/2.png", "odd.bin"]),
    ]
    assert listing.label_files == [name]


@pytest.mark.parametrize("told", ["./a/1.png", "a\\1.png", "1.png", "{}/a/1.png", "A/1.PNG", "a/1"])
def test_a_table_of_paths_finds_its_files_however_they_are_spelled(tmp_path: Path, told: str) -> None:
    put(tmp_path, "a/1.png")
    put(tmp_path, "files.csv", f"path\n{told.format(tmp_path)}\n".encode())
    assert [(d.name, d.files) for d in at(tmp_path).list().deliveries] == [("files.csv", ["a/1.png"])]


@pytest.mark.parametrize(
    ("name", "data", "role"),
    [
        ("label.csv", b"name,label\n", "label_files"),
        ("labels.tsv", b"name\tlabel\n", "label_files"),
        ("Labels-2.txt", b"name label\n", "ignored"),  # one column: a list of classes, perhaps
        ("labels.txt", b"name;label\n", "label_files"),
        ("metadata.csv", b"file_name,label\n", "label_files"),
        ("train/metadata.jsonl", b'{"file_name": "1.png", "label": "cat"}\n', "label_files"),
        ("labels.xlsx", b"PK", "broken"),
        ("labels.json", b"{}", "broken"),
        ("prices.csv", b"name,euro\n", "broken"),
        ("notes.txt", b"name,label\n", "ignored"),
    ],
)
def test_which_files_hold_labels(tmp_path: Path, name: str, data: bytes, role: str) -> None:
    put(tmp_path, name, data)
    listing = at(tmp_path).list()
    found = {
        role: list(getattr(listing, role))
        for role in ("label_files", "broken", "ignored", "left", "deliveries")
    }
    assert found == {key: [] for key in found} | {role: [name]}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/hostname", "hostile path"),
        ("../secret.png", "hostile path"),
        ("a/../../secret.png", "hostile path"),
        ("a/../1.png", "hostile path"),  # inside, but no path that anybody needs
        ("out.png", "link out of the inbox"),
        ("outside/secret.png", "link out of the inbox"),
        ("", "hostile path"),
        ("a\0b", "hostile path"),
        ("in.png", None),
        ("1.png", None),
        ("nobody.png", "missing"),
        ("a", "not a file"),
        ("pipe.png", "not a file"),
        ("loop.png", "unreadable"),
        ("x" * 300, "unreadable"),
    ],
)  # fmt: skip
def test_hostile_paths_are_never_opened(tmp_path: Path, path: str, reason: str | None) -> None:
    put(tmp_path, "secret.png")
    inbox = tmp_path / "inbox"
    put(inbox, "1.png")
    (inbox / "a").mkdir()
    (inbox / "out.png").symlink_to("../secret.png")
    (inbox / "outside").symlink_to("..")
    (inbox / "in.png").symlink_to("1.png")
    (inbox / "loop.png").symlink_to("loop.png")
    os.mkfifo(inbox / "pipe.png")
    item = at(inbox).item(path, 100)
    if reason is None:
        assert (item.reason, item.data) == (None, b"x")
    else:
        assert kind_of(item.reason or "") == reason
        assert item.data == b""
    assert at(inbox).digest() == at(inbox).digest()  # walks past all of them


def test_linked_folders_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "secret/1.png")
    inbox = tmp_path / "inbox"
    put(inbox, "2.png")
    (inbox / "link").symlink_to("../secret")
    (inbox / "self").symlink_to(".")
    assert {i.name: i.reason for i in items(inbox)[LOOSE]} == {
        "2.png": None, "self": "not a file",
        "link": f"link out of the inbox: it leads to {tmp_path / 'secret'}; name its folder in ingest.links if"
        " that is meant",
    }  # fmt: skip


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, "x.png", bytes(101))
    [item] = items(tmp_path)[LOOSE]
    assert item.reason == "too large a file: 101 bytes, allowed 100"


def test_an_unfinished_parquet_is_left_while_young(tmp_path: Path) -> None:
    whole = put_parquet(tmp_path, "x.parquet", {"image": [b"1"] * 9}).read_bytes()
    for mtime, left, broken in (
        (YOUNG, ["x.parquet"], []),
        (OLD, [], ["x.parquet"]),
        (NOW + 60, [], ["x.parquet"]),
    ):
        put(tmp_path, "x.parquet", whole[:-20], mtime)
        listing = at(tmp_path).list()
        assert (list(listing.left), list(listing.broken), listing.deliveries) == (left, broken, [])
    put(tmp_path, "x.parquet", whole, YOUNG)
    assert [d.name for d in at(tmp_path).list().deliveries] == ["x.parquet"]  # its end is there: finished


@pytest.mark.parametrize(("mtime", "left"), [(YOUNG, True), (OLD, False)])
def test_a_csv_without_its_last_line_end_is_left_while_young(
    tmp_path: Path, mtime: float, left: bool
) -> None:
    put(tmp_path, "labels.csv", b"name,label\n1.png,ca", mtime)
    listing = at(tmp_path).list()
    assert (list(listing.left), listing.label_files) == (
        (["labels.csv"], []) if left else ([], ["labels.csv"])
    )
    put(tmp_path, "labels.csv", b"name,label\n1.png,cat\n", mtime)
    assert at(tmp_path).list().label_files == ["labels.csv"]


def test_the_listing_changes_with_files_times_and_age(tmp_path: Path) -> None:
    seen = {at(tmp_path).digest()}
    for name, data, mtime in (
        ("a.png", b"1", OLD),
        ("a.png", b"12", OLD),
        ("a.png", b"12", OLD - 1),
        ("b.png", b"", OLD),
    ):
        put(tmp_path, name, data, mtime)
        seen.add(at(tmp_path).digest())
    put(tmp_path, "b.png", b"", YOUNG)
    seen |= {
        at(tmp_path).digest(),
        Inbox(tmp_path, READER, 5, NOW + 100).digest(),
    }  # the same file, grown old
    assert len(seen) == 7
    assert at(tmp_path).digest() in seen


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00broken",
        b'name,label\n"open',
        b"name,label\n\x00\x00,\xff\n",
        b"",
        b"PAR1",
        b"name\tlabel\n\n\n",
    ],
)
@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_a_hostile_table_gives_rows_or_a_value_error(tmp_path: Path, name: str, data: bytes) -> None:
    file = put(tmp_path, name, data)
    said = "unreadable table"
    try:
        columns_of(file)
        list(read_rows(file))
    except ValueError as error:
        said = str(error)
    assert said.startswith("unreadable table")


def test_rows_are_text(tmp_path: Path) -> None:
    file = put(tmp_path, "x.csv", "\ufeffname, label\n 1 ,Stiefel für Gäste\n2\n".encode())
    assert list(read_rows(file)) == [{"name": "1", "label": "Stiefel für Gäste"}, {"name": "2", "label": ""}]


def test_the_digest_is_of_each_path_size_time_and_whether_it_is_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.data.inbox.LINES", 2)
    for name, mtime in (("b/1.png", OLD), ("b/2.png", YOUNG), ("a.png", OLD), ("c/é.txt", OLD)):
        put(tmp_path, name, name.encode(), mtime)
    lines = [
        "a.png\x005\x00999900000000000\0False\n", "b/1.png\x007\x00999900000000000\0False\n",
        "b/2.png\x007\x00999999000000000\0True\n", "c/é.txt\x008\x00999900000000000\0False\n",
    ]  # fmt: skip
    assert Inbox(tmp_path, READER, 5, NOW).digest() == hashlib.sha256("".join(lines).encode()).hexdigest()
