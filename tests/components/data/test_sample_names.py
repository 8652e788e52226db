"""A sample is found by every spelling of its path that means it alone, and by none that could mean another."""

import unicodedata
from pathlib import Path

import pytest

from components.data.folder_labels import SPLIT_FOLDER
from components.data.sample_names import any_named, find_samples, portable
from components.data.shards import BAD, DUPLICATE, QUARANTINE, Delivery, Index, ShardWriter, write_table

SÜD = unicodedata.normalize("NFD", "süd/Äpfel 1.png")
NAMES = {
    SÜD: "S",
    "shots/disc-1.png": "D",
    "shots/bars-1.png": "B",
    "cat/1.png": "C",
    "dog/1.png": "G",
    "loose.jpg": "L",
}


def find(*keys: str, names: dict[str, str] = NAMES, root: str = "/home/ana/inbox") -> dict[str, set[str]]:
    return find_samples(keys, lambda: names.items(), root)


@pytest.mark.parametrize(
    ("key", "id"),
    [
        ("shots/disc-1.png", "D"),
        ("./shots/disc-1.png", "D"),
        ("shots//disc-1.png", "D"),
        ("x/../shots/disc-1.png", "D"),
        ("shots\\disc-1.png", "D"),
        (".\\shots\\disc-1.png", "D"),
        ("C:\\Users\\ben\\data\\shots\\disc-1.png", "D"),
        ("file:///home/ana/inbox/shots/disc-1.png", "D"),
        ("s3://bucket/shots/disc-1.png", "D"),
        ("/home/ana/inbox/shots/disc-1.png", "D"),
        ("inbox/shots/disc-1.png", "D"),
        ("../inbox/loose.jpg", "L"),
        ("inbox/loose.jpg", "L"),
        ("/mnt/old/loose.jpg", "L"),
        ("disc-1.png", "D"),
        ("disc-1", "D"),
        ("shots/disc-1", "D"),
        ("SHOTS/DISC-1.PNG", "D"),
        ("Disc-1", "D"),
        (unicodedata.normalize("NFC", SÜD), "S"),
        (unicodedata.normalize("NFC", SÜD).upper(), "S"),
        ("cat/1.png", "C"),
        ("D", "D"),  # its id
    ],
)
def test_every_spelling_finds_its_sample(key: str, id: str) -> None:
    assert find(key) == {key: {id}}


@pytest.mark.parametrize("key", ["1.png", "1", "1.PNG"])
def test_what_fits_several_says_so(key: str) -> None:
    assert find(key) == {key: {"C", "G"}}


@pytest.mark.parametrize(
    "key", ["cow/1.png", "/home/ana/inbox/cow/1.png", "other/loose.jpg", "isc-1.png", "", ".", "/"]
)
def test_what_means_another_sample_finds_none(key: str) -> None:
    assert find(key) == {}


def test_the_stricter_spelling_and_the_longer_name_win() -> None:
    names = {"a.png": "1", "A.png": "2", "x/a.png": "3", "b.png": "4", "b": "5"}
    assert find("a.png", "A.png", "b", names=names) == {"a.png": {"1"}, "A.png": {"2"}, "b": {"5"}}
    assert find("/old/x/a.png", names=names) == {"/old/x/a.png": {"3"}}
    assert find("a.PNG", names=names) == {"a.PNG": {"1", "2"}}


def test_a_portable_path_has_no_machine_in_it() -> None:
    assert portable("C:\\Users\\ana\\a.png") == "Users/ana/a.png"
    assert portable("../../a: b/c.png") == "a: b/c.png"
    assert portable("..") == portable(".") == portable("/") == ""


def test_a_name_is_sought_in_shards_and_among_dropped_duplicates(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "a", rows=2)
    for number, name in enumerate(("x/1.png", "x/contest/2.png", "x/3test/3.png")):
        writer.add(f"{number:064}", b"x", name)
    index = Index(shards=writer.finish())
    assert not any_named(tmp_path, index, SPLIT_FOLDER)  # folders of other names
    writer.add(f"{9:064}", b"x", "x/Test/4.png")
    found = index.model_copy(update={"shards": index.shards + writer.finish()})
    assert any_named(tmp_path, found, SPLIT_FOLDER)
    columns = {"name": ["val/5.png"], "reason": [f"{DUPLICATE}: {0:064}"], "delivery": ["a"], "bytes": [b""]}
    quarantine = write_table(tmp_path, QUARANTINE, columns, BAD)
    record = Delivery(digest="d", name="a", accepted=0, duplicates=1, quarantine=quarantine)
    assert any_named(tmp_path, index.model_copy(update={"deliveries": [record]}), SPLIT_FOLDER)
