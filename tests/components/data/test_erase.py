"""Samples taken out of a folder and its versions: what is left is what would be there without them."""

import hashlib
import shutil

import pyarrow.parquet as pq
import pytest

from components.data import erase, labels, version_erase, versions
from components.data.replaced import Replacement, Replacements, without_ids, write_replaced
from components.data.shards import (
    BAD,
    LABELS,
    QUARANTINE,
    SHARD,
    SHARDS,
    Delivery,
    Index,
    LabelFile,
    Shard,
    damaged,
    read_shards,
    write_table,
)

IMAGES = [f"image {n}".encode() for n in range(6)]
IDS = [hashlib.sha256(data).hexdigest() for data in IMAGES]


def made(folder, rows=(0, 1, 2), alone=(3,)):
    """A folder with two shards, a duplicate and a bad sample in quarantine, and labels."""
    shards = []
    for chosen in (rows, alone):
        columns = {
            "id": [IDS[n] for n in chosen], "bytes": [IMAGES[n] for n in chosen],
            "name": [f"{n}.png" for n in chosen], "delivery": ["first"] * len(chosen),
        }  # fmt: skip
        file = write_table(folder, SHARDS, columns, SHARD)
        shards.append(Shard(file=file, rows=len(chosen), digest=file[7:-8], delivery="first"))
    bad = {
        "name": ["again.png", "bad.png"], "reason": [f"duplicate: {IDS[0]}", "not an image"],
        "delivery": ["first"] * 2, "bytes": [b"", IMAGES[5]],
    }  # fmt: skip
    quarantine = write_table(folder, QUARANTINE, bad, BAD)
    given = {name: [""] * 3 for name in labels.ROW.names} | {
        "id": [IDS[0], IDS[2], IDS[3]],
        "label": ["a", "b", "c"],
    }
    file = write_table(folder, LABELS, given, labels.ROW)
    came = Delivery(digest="d", name="first", accepted=4, duplicates=1, quarantine=quarantine)
    label = LabelFile(file=file, rows=3, digest=file[7:-8])
    Index(shards=shards, deliveries=[came], labels=[label]).save(folder)
    return folder


def rows(folder):
    return [id for _, batch in read_shards(folder, Index.load(folder), ["id"]) for id in batch["id"]]


def test_what_is_left_is_a_whole_folder_without_the_samples(tmp_path):
    folder = made(tmp_path / "toys")
    shutil.copy(folder / Index.load(folder).shards[0].file, folder / SHARDS / "left-by-a-crash.parquet")
    assert len(erase.erase(folder, [IDS[0], IDS[5]])) == 4
    assert rows(folder) == [IDS[1], IDS[2], IDS[3]]
    index = Index.load(folder)
    assert damaged(folder) == erase.holding(folder, [IDS[0], IDS[5]]) == []
    assert {f"{p.parent.name}/{p.name}" for p in folder.glob("*/*.parquet")} == index.files()
    assert [shard.rows for shard in index.shards] == [2, 1]
    assert pq.read_table(folder / index.labels[0].file)["id"].to_pylist() == [IDS[2], IDS[3]]
    assert index.deliveries[0].quarantine is None
    assert erase.erase(folder, [IDS[0]]) == []


def test_a_file_of_which_nothing_is_left_goes(tmp_path):
    folder = made(tmp_path / "toys")
    erase.erase(folder, [IDS[3]])
    assert rows(folder) == IDS[:3]
    assert len(Index.load(folder).shards) == 1


def test_the_rest_is_as_if_the_sample_had_never_come(tmp_path):
    without, never = made(tmp_path / "a"), made(tmp_path / "b", rows=(0, 2))
    erase.erase(without, [IDS[1]])
    assert (without / "index.json").read_bytes() == (never / "index.json").read_bytes()


@pytest.fixture
def kept(tmp_path):
    """Data of two recipes in two versions, the second without the sample; cache and remote."""
    data, cache, remote = tmp_path / "work" / "data", tmp_path / "home" / "dvc-cache", tmp_path / "remote"
    made(data / "toys")
    made(data / "others", rows=(2, 4))
    first = versions.snapshot(data, str(remote), cache)
    erase.erase(data / "toys", [IDS[1]])
    second = versions.snapshot(data, str(remote), cache)
    return [version_erase.Folder(place) for place in (cache, remote)], first.hash, second.hash


def test_versions_that_hold_it_go_from_cache_and_remote_and_others_stay(kept):
    places, first, second = kept
    held = version_erase.find(places, "toys", [IDS[1]])
    assert held.versions == [first]
    version_erase.erase(places, held)
    assert version_erase.find(places, "toys", [IDS[1]]) == ([], set())
    for place in places:
        names = {name.replace("/", "") for name in place.names()}
        assert second in names
        assert first not in names
        assert not any(erase.holds(place.read(name), [IDS[1]]) for name in place.names())
    assert version_erase.find(places, "others", [IDS[4]]).versions == [second]


def test_a_file_that_another_recipe_has_too_is_that_ones(kept):
    """Both have the shard of the fourth sample, in one file: of one recipe alone it is not taken."""
    places, _, second = kept
    held = version_erase.find(places, "toys", [IDS[3]])
    assert second in held.versions
    version_erase.erase(places, held)
    assert any(erase.holds(places[0].read(name), [IDS[3]]) for name in places[0].names())


@pytest.mark.parametrize(("gone", "left"), [
    ("", ["A>B", "B>C"]), ("A", ["B>C"]), ("B", ["A>C"]), ("C", ["A>B"]), ("AB", []), ("BC", []), ("ABC", []),
])  # fmt: skip
def test_versions_of_a_file_as_if_one_had_never_come(gone, left):
    rows = [
        Replacement("x", "A", "B", True),
        Replacement("y", "B", "C", False),
        Replacement("x", "B", "C", True),
    ]
    found = [f"{row.old}>{row.new}" for row in without_ids(rows, set(gone)) if row.name == "x"]
    assert found == left


def test_a_file_that_went_back_to_its_first_version_was_never_changed():
    rows = [Replacement("x", "A", "B", True), Replacement("x", "B", "A", False)]
    assert without_ids(rows, {"B"}) == []


def test_the_newest_version_of_a_file_keeps_the_label_of_one_that_is_forgotten(tmp_path):
    folder = made(tmp_path / "toys")
    index = Index.load(folder)
    chain = write_replaced(folder, [Replacement("2.png", IDS[2], IDS[1], True)])
    index.model_copy(update={"replaced": chain}).save(folder)
    erase.erase(folder, [IDS[2]])
    index = Index.load(folder)
    assert Replacements(folder, index).rows == []
    assert rows(folder) == [IDS[0], IDS[1], IDS[3]]
    assert labels.settle(labels.read_labels(folder, index)).labels == {IDS[0]: "a", IDS[1]: "b", IDS[3]: "c"}
    assert damaged(folder) == erase.holding(folder, [IDS[2]]) == []
    assert {f"{p.parent.name}/{p.name}" for p in folder.glob("*/*.parquet")} == index.files()
