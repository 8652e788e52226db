"""Ingest end to end: nothing lost, none doubled, bad samples named, the same bytes after a kill anywhere."""

import faulthandler
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, features

from components.data import by_part, labels
from components.data.labels import read_labels, settle
from components.data.shards import Index, read_quarantine, read_shards
from components.data.splits import split_of
from components.data.table import Table
from components.errors import UserError
from components.modalities.image import file as image_file
from components.modalities.image.check import check_images
from components.modalities.pair.container import join
from components.modalities.table.check import canonical
from components.modalities.table.config import TableConfig
from components.modalities.table.modality import Tables
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.settings import Settings
from pipelines.stages import ingest
from pipelines.stages.snapshot.table import make_table


def png(seed: int, size: int = 8) -> bytes:
    out = io.BytesIO()
    Image.frombytes("L", (size, size), random.Random(seed).randbytes(size * size)).save(out, "PNG")
    return out.getvalue()


def put(file: Path, data: bytes | str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)


def put_parquet(file: Path, images: list[bytes], names: list[str] | None = None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    names = names or [f"{file.stem}-{row}.png" for row in range(len(images))]
    pq.write_table(pa.table({"image": images, "name": names}), file)


class Place:
    """An inbox, a data folder, and a way to run the stage between them."""

    def __init__(self, root: Path) -> None:
        self.root, self.inbox, self.target = root, root / "inbox", root / "data" / "mine"
        self.inbox.mkdir(parents=True)
        self.folder = root / "run"
        self.folder.mkdir()
        self.settings = Settings(home=root / "home", data=root / "data")

    def request(self, **changes: Any) -> ingest.Request:
        given = {
            "inbox": str(self.inbox),
            "modality": {"name": "image"},
            "settle_seconds": 0,
            "shard_size": 4,
        }
        return ingest.Request.model_validate(given | changes)

    def run(self, **changes: Any) -> ingest.Output:
        context = Context(self.settings.store, self.settings, "mine", self.folder)
        output = ingest.run(self.request(**changes), self.folder, context)
        (self.folder / ingest.BEGAN).unlink()  # the next run has a folder of its own
        return output

    def ids(self) -> list[str]:
        """Of all samples in all shards, after a look at each: its id is the hash of its bytes."""
        found = []
        for _, batch in read_shards(self.target, Index.load(self.target), ["id", "bytes"]):
            for id, data in zip(*batch.values(), strict=True):
                assert hashlib.sha256(data).hexdigest() == id
                found.append(id)
        return found

    def files(self) -> dict[str, bytes]:
        found = (p for p in sorted(self.target.rglob("*")) if p.is_file())
        return {p.relative_to(self.target).as_posix(): p.read_bytes() for p in found}

    def labels(self) -> dict[str, str]:
        return settle(read_labels(self.target, Index.load(self.target))).labels


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def id_of(seed: int) -> str:
    return hashlib.sha256(png(seed)).hexdigest()


def test_deliveries_of_every_form_end_in_shards(place: Place) -> None:
    put_parquet(place.inbox / "2026.parquet", [png(i) for i in range(9)])
    put(place.inbox / "photos" / "a" / "x.png", png(10))
    put(place.inbox / "loose.png", png(11))
    output = place.run()
    assert sorted(place.ids()) == sorted(id_of(i) for i in (*range(9), 10, 11))
    assert (output.deliveries_new, output.samples_new, output.samples) == (3, 11, 11)
    assert [(s.delivery, s.rows) for s in Index.load(place.target).shards] == [
        (".", 1), ("2026.parquet", 4), ("2026.parquet", 4), ("2026.parquet", 1), ("photos", 1),
    ]  # fmt: skip


def put_sources(place: Place) -> None:
    table = {"image": [png(i) for i in range(6)], "site": ["b", "a", None, "b", "a", "b"]}
    pq.write_table(pa.table(table), place.inbox / "one.parquet")
    put_parquet(place.inbox / "two.parquet", [png(9)])


SITES = dict(zip(map(id_of, (*range(6), 9)), ("b", "a", "", "b", "a", "b", ""), strict=True))


def test_the_column_that_the_recipe_names_is_kept_per_sample(place: Place) -> None:
    put_sources(place)
    place.run(source="site")
    table, _, names = make_table(place.target, Index.load(place.target), 0.0)
    assert names == ["", "a", "b"]
    assert table.source is not None
    assert {id: names[k] for id, k in zip(table.ids, table.source, strict=True)} == SITES
    table.save(place.root / "table.parquet")
    again = Table.load(place.root / "table.parquet").source
    assert again is not None
    assert again.tolist() == table.source.tolist()


def test_without_a_source_in_the_recipe_the_bytes_are_those_without_the_column(place: Place) -> None:
    put_sources(place)
    place.run()
    index = Index.load(place.target)
    for shard in index.shards:
        assert pq.read_schema(place.target / shard.file).names == ["id", "bytes", "name", "delivery"]
    table, _, names = make_table(place.target, index, 0.0)
    assert (table.source, names) == (None, [])


def test_a_source_column_that_no_table_has_is_refused_with_those_there_are(place: Place) -> None:
    put_sources(place)
    with pytest.raises(UserError, match=r"has a column 'sight'; columns at hand: image, name, site"):
        place.run(source="sight")
    assert not Index.load(place.target).shards


def put_patients(place: Place) -> None:
    table = {
        "image": [png(i) for i in range(40)],
        "patient": [f"p{i % 8}" if i < 32 else None for i in range(40)],
    }
    pq.write_table(pa.table(table), place.inbox / "one.parquet")


def sides(place: Place) -> dict[str, str]:
    """Id -> split, of a half by hash."""
    table, _, _ = make_table(place.target, Index.load(place.target), 0.5)
    assert table.group is None  # nobody is anybody's near-duplicate
    return dict(zip(table.ids.tolist(), table.split.tolist(), strict=True))


def test_samples_of_a_group_are_in_one_split_and_stay_there(place: Place) -> None:
    put_patients(place)
    place.run(group="Patient")
    found = sides(place)
    for patient in range(8):
        own = [found[id_of(i)] for i in range(patient, 32, 8)]
        assert own == [split_of(id_of(patient), 0.5, {})] * 4  # that of the first that came
    assert [found[id_of(i)] for i in range(32, 40)] == [split_of(id_of(i), 0.5, {}) for i in range(32, 40)]
    more = {"image": [png(i) for i in range(50, 58)], "patient": [f"p{i}" for i in range(8)]}
    pq.write_table(pa.table(more), place.inbox / "two.parquet")
    place.run(group="Patient")
    later = sides(place)
    assert {id: later[id] for id in found} == found
    assert [later[id_of(50 + i)] for i in range(8)] == [found[id_of(i)] for i in range(8)]


def test_a_group_in_a_table_of_paths_and_one_that_no_table_has(place: Place) -> None:
    for i in range(12):
        put(place.inbox / f"a/{i}.png", png(i))
    put(place.inbox / "files.csv", "path,who\n" + "".join(f"a/{i}.png,w{i % 2}\n" for i in range(12)))
    with pytest.raises(
        UserError, match=r"ingest.group: no table .* has a column 'whom'; columns at hand: path, who"
    ):
        place.run(group="whom")
    place.run(group="who")
    found = sides(place)
    assert {len({found[id_of(i)] for i in range(k, 12, 2)}) for k in (0, 1)} == {1}


@pytest.mark.parametrize(
    "modality",
    [
        {"name": "table", "target": "churned"},
        {"name": "series", "form": "wide", "target": "churned"},
    ],
)
def test_the_column_of_the_label_may_be_missing_but_not_at_first(
    place: Place, modality: dict[str, str]
) -> None:
    put(place.inbox / "new.csv", "a,b\n1,2\n3,4\n")
    put(place.inbox / "one.csv", "a,b,churn\n3,2,5\n4,2,6\n")
    wanted = (
        r"modality.target: no table .* column 'churned'; columns at hand: a, b, churn; did you mean 'churn'\?"
    )
    with pytest.raises(UserError, match=wanted):
        place.run(modality=modality, limits=None)
    assert not Index.load(place.target).samples
    (place.inbox / "new.csv").unlink()
    place.run(modality={**modality, "target": "Churn"}, limits=None)
    (place.inbox / "one.csv").unlink()
    put(place.inbox / "new.csv", "a,b\n1,2\n3,4\n")
    assert place.run(modality={**modality, "target": "churn"}, limits=None).samples == 4


def test_windows_of_a_series_are_in_one_split(place: Place) -> None:
    random = np.random.default_rng(0)
    values = [f"s{k},{t},{random.normal():.4f}" for k in range(12) for t in range(40)]
    put(place.inbox / "stream.csv", "\n".join(["machine,time,x", *values]) + "\n")
    modality = {"name": "series", "series": "machine", "window": 10, "hop": 5}
    place.run(modality=modality)
    found: dict[str, set[str]] = {}
    split = sides(place)
    for _, batch in read_shards(place.target, Index.load(place.target), ["id", "name", "group"]):
        for id, name, group in zip(*batch.values(), strict=True):
            assert name.rpartition("@")[0] == group
            found.setdefault(group, set()).add(split[id])
    assert len(found) == 12
    assert all(len(one) == 1 for one in found.values())
    assert {next(iter(one)) for one in found.values()} == {"train", "test"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "machine,time,x\na,1,2\n",
            "the column series is required, it has machine, time, x; set modality.series",
        ),
        ("series,time,x\na,0,1\na,0,2\n", None),
        ("series,x\na,1\na,red\n", None),
        ("series,x\na,1\n", None),
    ],
)
def test_tables_of_series_that_cannot_be_used(place: Place, text: str, why: str | None) -> None:
    put(place.inbox / "stream.csv", text)
    if why is not None:
        with pytest.raises(UserError, match=why):
            place.run(modality={"name": "series"})
        return
    output = place.run(modality={"name": "series"})
    assert (output.samples, sum(output.quarantined.values())) == (0, 1)


def test_series_in_files_of_many_and_of_one(place: Place) -> None:
    put(place.inbox / "b.ts", "@classLabel true x y\n@data\n1,2,3:x\n4,5:y\n")
    np.savez(place.inbox / "c.npz", one=np.arange(6.0), two=np.ones((2, 3, 4)))
    out = io.BytesIO()
    np.save(out, np.arange(9.0))
    put(place.inbox / "walk/a.npy", out.getvalue())
    output = place.run(modality={"name": "series"}, labels_from="folders")
    assert (output.samples, output.quarantined, output.labels) == (4, {"not a series": 1}, 3)
    assert sorted(place.labels().values()) == ["walk", "x", "y"]
    again = place.run(modality={"name": "series"}, labels_from="folders")
    assert (again.samples, again.samples_new, again.deliveries_new) == (4, 0, 0)


def test_a_shard_that_no_index_names_keeps_its_sources_when_it_is_adopted(place: Place) -> None:
    put_sources(place)
    place.run(source="site")
    (place.target / "index.json").unlink()
    (place.inbox / "one.parquet").unlink()
    put(place.inbox / "loose.png", png(20))
    (place.inbox / "two.parquet").unlink()
    place.run(source="site")
    table, _, names = make_table(place.target, Index.load(place.target), 0.0)
    assert table.source is not None
    found = {id: names[k] for id, k in zip(table.ids, table.source, strict=True)}
    assert found == {**SITES, id_of(20): ""}


def test_run_again_changes_no_byte(place: Place) -> None:
    put_parquet(place.inbox / "2026.parquet", [png(i) for i in range(9)])
    put(place.inbox / "labels.csv", f"id,label\n{id_of(1)},cat\n")
    first, files = place.run(), place.files()
    second = place.run()
    assert place.files() == files
    assert (second.deliveries_new, second.deliveries_known, second.samples_new, second.labels_new) == (
        0,
        1,
        0,
        0,
    )
    assert (second.samples, second.labels, second.digest) == (9, 1, first.digest)


def test_times_and_places_leave_no_trace_in_the_bytes(tmp_path: Path) -> None:
    files = []
    for name in ("here", "there"):
        place = Place(tmp_path / name)
        put_parquet(place.inbox / "2026.parquet", [png(i) for i in range(9)])
        put(place.inbox / "a" / "bad.png", "text")
        put(place.inbox / "a" / "good.png", png(20))
        os.utime(place.inbox / "a" / "good.png", (1, len(files)))
        place.run(max_bad_share=0.5)
        files.append(place.files())
    assert files[0] == files[1]


def test_each_sample_is_in_one_shard_and_duplicates_are_counted(place: Place) -> None:
    put_parquet(place.inbox / "1.parquet", [png(1), png(2), png(1)])
    place.run()
    put_parquet(place.inbox / "2.parquet", [png(2), png(3), png(3)])
    output = place.run()
    assert Counter(place.ids()) == Counter(id_of(i) for i in (1, 2, 3))
    assert (output.samples_new, output.duplicates, output.quarantined) == (1, 2, {})
    [_, second] = Index.load(place.target).deliveries
    assert list(read_quarantine(place.target, [second])) == [
        ("2.parquet", "2-0.png", f"duplicate: {id_of(2)}"), ("2.parquet", "2-2.png", f"duplicate: {id_of(3)}"),
    ]  # fmt: skip


def test_a_delivery_that_grows_brings_only_what_is_new(place: Place) -> None:
    for i in range(1, 30):
        put(place.inbox / "a" / f"{i:02}.png", png(i))
    put(place.inbox / "a" / "bad.png", "text")
    put(place.inbox / "a" / "copy.png", png(1))
    place.run()
    put(place.inbox / "a" / "31.png", png(31))
    put(place.inbox / "a" / "late-copy.png", png(2))
    output = place.run()
    assert (output.samples_new, output.duplicates, output.quarantined) == (1, 1, {})
    assert Counter(place.ids()) == Counter(id_of(i) for i in (*range(1, 30), 31))


def test_every_kind_of_bad_sample_is_quarantined_with_its_reason(place: Place) -> None:
    put(place.root / "secret.png", png(0))
    bad: dict[str, tuple[bytes, str]] = {
        "empty.png": (b"", "empty"),
        "text.png": (b"no image at all", "not an image"),
        "cut.png": (png(1, 30)[:-400], "truncated"),
        "bomb.png": (png(2, 40), "too many pixels"),
        "tiny.png": (png(3, 2), "too small"),
        "heavy.png": (bytes(9000), "too large a file"),
    }
    for name, (data, _) in bad.items():
        put(place.inbox / "a" / name, data)
    (place.inbox / "a" / "link.png").symlink_to(place.root / "secret.png")
    put(place.inbox / "a" / "good.png", png(4))
    output = place.run(max_bad_share=0.9, limits={"max_pixels": 1000, "max_bytes": 8000})
    reasons = {kind: 1 for _, kind in bad.values()} | {"link out of the inbox": 1}
    assert output.quarantined == dict(sorted(reasons.items()))
    assert place.ids() == [id_of(4)]
    [record] = Index.load(place.target).deliveries
    listed = {name: reason.split(":")[0] for _, name, reason in read_quarantine(place.target, [record])}
    assert listed == {f"a/{n}": kind for n, (_, kind) in bad.items()} | {
        "a/link.png": "link out of the inbox"
    }
    heads = pq.read_table(place.target / (record.quarantine or ""))
    assert (
        dict(zip(heads["name"].to_pylist(), heads["bytes"].to_pylist(), strict=True))["a/text.png"]
        == b"no image at all"
    )
    assert output.bad is not None
    assert "a/text.png,not an image" in (place.folder / output.bad.path).read_text()


@pytest.mark.parametrize(("bad", "fails"), [(1, False), (2, True)])
def test_more_bad_than_allowed_stops_the_stage_and_keeps_other_deliveries(
    place: Place, bad: int, fails: bool
) -> None:
    put_parquet(place.inbox / "a.parquet", [png(i) for i in range(20 - bad)] + [b"text"] * bad)
    put_parquet(place.inbox / "b.parquet", [png(100)])
    if not fails:
        assert place.run().samples == 20
        return
    with pytest.raises(UserError) as caught:
        place.run(max_bad=1)
    message = str(caught.value)
    assert (
        "delivery a.parquet: 2 of 20 samples are bad (2 not an image), allowed are 5.0% or 1 samples"
        in message
    )
    assert "max_bad_share" in message
    assert "\n" not in message
    assert str(place.folder / "bad.csv") in message
    assert (place.folder / "bad.csv").read_text().count("not an image") == 2
    assert place.ids() == [id_of(100)]
    assert not (place.target / ".part").exists()
    put_parquet(place.inbox / "a.parquet", [png(i) for i in range(18)])  # mended
    assert place.run().samples == 19


def test_a_broken_file_is_quarantined_as_a_whole_once(place: Place) -> None:
    put_parquet(place.inbox / "a.parquet", [png(1)])
    put(place.inbox / "cut.parquet", (place.inbox / "a.parquet").read_bytes()[:-9])
    output = place.run()
    assert (output.samples, output.quarantined) == (1, {"unreadable table": 1})
    files = place.files()
    again = place.run()
    assert (place.files(), again.quarantined, again.deliveries_known) == (files, {}, 2)


def test_a_file_broken_in_the_middle_gives_nothing(place: Place) -> None:
    put_parquet(place.inbox / "a.parquet", [png(i, 32) for i in range(50)])
    data = bytearray((place.inbox / "a.parquet").read_bytes())
    data[4:40] = bytes(36)
    put(place.inbox / "a.parquet", bytes(data))
    put_parquet(place.inbox / "b.parquet", [png(1)])
    output = place.run()
    assert output.quarantined == {"unreadable table": 1}
    assert place.ids() == [id_of(1)]


def test_what_is_still_being_written_comes_next_time(place: Place) -> None:
    put_parquet(place.inbox / "a.parquet", [png(1)])
    whole = (place.inbox / "a.parquet").read_bytes()
    put(place.inbox / "b.parquet", whole[:-9])
    put(place.inbox / "c" / "1.png", png(2))
    put(place.inbox / "c" / "2.png", png(3, 64)[:-900])
    request = place.request(settle_seconds=1000)
    before = ingest.observe(request, place.settings, "small")
    output = place.run(settle_seconds=1000)
    assert (output.left, output.quarantined, output.samples) == (2, {}, 2)
    put_parquet(place.inbox / "b.parquet", [png(5)])
    put(place.inbox / "c" / "2.png", png(3, 64))
    for file in place.inbox.rglob("*.p*"):
        os.utime(file, (1, 1))
    assert ingest.observe(request, place.settings, "small") != before
    output = place.run(settle_seconds=1000)
    assert (output.left, output.samples_new, output.samples, output.duplicates) == (0, 2, 4, 0)


def test_what_was_left_and_never_finished_is_quarantined_in_the_end(place: Place) -> None:
    put(place.inbox / "1.png", png(1))
    put(place.inbox / "2.png", png(3, 64)[:-900])
    assert place.run(settle_seconds=1000, max_bad_share=0.5).left == 1
    output = place.run(settle_seconds=0, max_bad_share=0.5)  # not a byte has changed, only its age
    assert (output.left, output.quarantined, output.samples) == (0, {"truncated": 1}, 1)


def test_the_same_file_grown_old_is_looked_at_again(place: Place) -> None:
    put(place.inbox / "1.png", png(1))
    young = ingest.observe(place.request(settle_seconds=1000), place.settings, "small")
    assert ingest.observe(place.request(settle_seconds=1000), place.settings, "small") == young
    assert ingest.observe(place.request(settle_seconds=0), place.settings, "small") != young


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_inbox_is_told(place: Place, there: bool) -> None:
    if not there:
        place.inbox.rmdir()
    with pytest.raises(UserError, match=r"inbox .*put there image files") as caught:
        place.run()
    assert str(place.inbox) in str(caught.value)
    assert "\n" not in str(caught.value)
    ingest.observe(place.request(), place.settings, "small")


def test_an_inbox_emptied_later_is_no_mistake(place: Place) -> None:
    put(place.inbox / "1.png", png(1))
    place.run()
    (place.inbox / "1.png").unlink()
    assert place.run().samples == 1


def test_labels_come_from_files_and_may_come_first(place: Place) -> None:
    put_parquet(place.inbox / "a.parquet", [png(i) for i in range(5)])
    put(place.inbox / "labels.csv", "name,label,split\na-0.png,cat,train\na-1.png,dog,test\nb-0.png,cow,\n")
    put(place.inbox / "labels-2.csv", f"id,label,annotator\n{id_of(0)},dog,ben\n{id_of(2)},dog,ben\n")
    output = place.run(max_unknown_share=1)
    assert place.labels() == {id_of(1): "dog", id_of(2): "dog"}
    assert (output.labels_new, output.labels_unknown, output.labels_contradictory) == (4, 1, 1)
    assert (output.labels, output.classes) == (2, ["dog"])
    assert output.unknown is not None
    assert output.contradictory is not None
    assert 'b-0.png,"no sample of this id' in (place.folder / output.unknown.path).read_text()
    assert f"{id_of(0)},cat | dog" in (place.folder / output.contradictory.path).read_text()
    put_parquet(place.inbox / "b.parquet", [png(9)])
    output = place.run()
    assert place.labels()[id_of(9)] == "cow"
    assert (output.labels_new, output.labels_unknown, output.unknown) == (1, 0, None)


def test_labels_of_a_delivery_and_of_a_table_of_paths(place: Place) -> None:
    pq.write_table(pa.table({"bytes": [png(1), png(2)], "label": ["cat", None]}), place.inbox / "a.parquet")
    put(place.inbox / "x" / "1.png", png(3))
    put(place.inbox / "x" / "2.png", png(4))
    put(place.inbox / "files.csv", "path,label\nx/1.png,dog\n")
    output = place.run()
    assert place.labels() == {id_of(1): "cat", id_of(3): "dog"}
    assert output.samples == 4


def test_hostile_paths_in_a_table_are_quarantined(place: Place) -> None:
    put(place.root / "secret.png", png(9))
    put(place.inbox / "x" / "1.png", png(1))
    put(place.inbox / "files.csv", f"path\nx/1.png\n../secret.png\n{place.root}/secret.png\nx/none.png\n")
    output = place.run(max_bad_share=0.8)
    assert output.quarantined == {"hostile path": 2, "missing": 1}
    assert place.ids() == [id_of(1)]


@pytest.mark.parametrize(
    ("labels_from", "expected"),
    [(None, {}), ("file", {2: "cow"}), ("folders", {1: "cat", 2: "cow", 3: "dog"})],
)
def test_class_folders_are_labels_only_if_the_recipe_says_so(
    place: Place, labels_from: str | None, expected: dict[int, str]
) -> None:
    put(place.inbox / "set" / "cat" / "1.png", png(1))
    put(place.inbox / "set" / "dog" / "2.png", png(2))
    put(place.inbox / "set" / "dog" / "3.png", png(3))
    put(place.inbox / "4.png", png(4))
    put(place.inbox / "labels.csv", "path,label\nset/dog/2.png,cow\n")
    output = place.run(labels_from=labels_from)
    assert place.labels() == {id_of(i): label for i, label in expected.items()}
    assert output.labels_contradictory == 0  # dog by its folder, cow by the file, which corrects it
    place.run(labels_from="folders")
    assert place.labels() == {id_of(1): "cat", id_of(2): "cow", id_of(3): "dog"}  # later, too


@pytest.mark.parametrize(
    "text", ["nmae,label\n1,cat\n", "name,label,split\n1,cat,tset\n", "name,label\n\0\xff"]
)
def test_labels_that_make_no_sense_are_told_and_samples_kept(place: Place, text: str) -> None:
    put(place.inbox / "1.png", png(1))
    put(place.inbox / "labels.csv", text.encode("latin1"))
    with pytest.raises(UserError, match=r"labels\.csv"):
        place.run()
    assert place.ids() == [id_of(1)]


def test_names_that_are_no_text(place: Place) -> None:
    name = os.fsencode(place.inbox) + b"/caf\xe9.png"
    with open(name, "wb") as file:
        file.write(png(1))
    assert place.run().samples == 1
    assert place.run().deliveries_known == 1


def test_samples_whose_index_is_lost_are_adopted(place: Place) -> None:
    put_parquet(place.inbox / "a.parquet", [png(i) for i in range(6)])
    put(place.inbox / "labels.csv", "name,label\na-1.png,cat\n")
    place.run()
    for file in (place.target / "index.json", place.inbox / "a.parquet", place.inbox / "labels.csv"):
        file.unlink()
    put_parquet(place.inbox / "b.parquet", [png(5), png(6)])
    place.run()
    assert Counter(place.ids()) == Counter(id_of(i) for i in range(7))
    assert place.labels() == {id_of(1): "cat"}
    assert set(place.files()) == {"index.json", *Index.load(place.target).files()}


def turned(seed: int) -> bytes:
    """The same picture, edited."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png(seed))).rotate(90).save(out, "PNG")
    return out.getvalue()


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def snapshot_of(place: Place, test_share: float = 0.0) -> dict[str, tuple[str, str]]:
    """Id -> label and split of all that a snapshot holds."""
    table, targets, _ = make_table(place.target, Index.load(place.target), test_share)
    rows = zip(table.ids.tolist(), table.label.tolist(), table.split.tolist(), strict=True)
    return {id: (targets.classes[label] if label >= 0 else "", split) for id, label, split in rows}


def test_an_edited_file_takes_the_place_of_its_former_version_with_its_label(place: Place) -> None:
    for number in range(4):
        put(place.inbox / f"{number}.png", png(number))
    put(place.inbox / "labels.csv", f"id,label\n{id_of(0)},cat\n{id_of(1)},dog\n")
    place.run()
    put(place.inbox / "0.png", turned(0))
    output = place.run()
    assert (output.samples, output.samples_new, output.replaced, output.labels) == (4, 1, 1, 2)
    expected = {hash_of(turned(0)): "cat", id_of(1): "dog", id_of(2): "", id_of(3): ""}
    assert {id: label for id, (label, _) in snapshot_of(place).items()} == expected
    assert id_of(0) in place.ids()  # history is kept
    put(place.inbox / "labels-later.csv", "path,label,annotator\n0.png,cow,ann\n1.png,dog,ann\n")
    assert place.run().labels_unknown == 0  # the name means the newest version alone
    put(place.inbox / "0.png", png(0))
    again = place.run()
    assert (again.samples, again.samples_new, again.replaced) == (4, 0, 1)
    assert set(snapshot_of(place)) == {id_of(number) for number in range(4)}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_edited_file_that_a_table_names_takes_the_place_of_its_former_version(
    place: Place, form: str
) -> None:
    rows = {"path": [f"x/{number}.png" for number in range(3)], "label": ["cat", "dog", "dog"]}
    for number, path in enumerate(rows["path"]):
        put(place.inbox / path, png(number))
    if form == "csv":
        lines = (f"{path},{label}\n" for path, label in zip(*rows.values(), strict=True))
        put(place.inbox / "files.csv", "path,label\n" + "".join(lines))
    else:
        pq.write_table(pa.table(rows), place.inbox / "files.parquet")
    place.run()
    put(place.inbox / "x" / "0.png", turned(0))
    output = place.run()
    assert (output.samples, output.samples_new, output.replaced) == (3, 1, 1)
    assert {id: label for id, (label, _) in snapshot_of(place).items()} == {
        hash_of(turned(0)): "cat", id_of(1): "dog", id_of(2): "dog",
    }  # fmt: skip
    assert place.run().samples_new == 0


def test_an_edited_test_item_stays_one(place: Place) -> None:
    files = range(40)
    for number in files:
        put(place.inbox / f"{number}.png", png(number))
    place.run()
    before = snapshot_of(place, test_share=0.5)
    assert {split for _, split in before.values()} == {"train", "test"}
    for number in files:
        put(place.inbox / f"{number}.png", turned(number))
    place.run()
    after = snapshot_of(place, test_share=0.5)
    assert len(after) == 40
    assert {n: after[hash_of(turned(n))] for n in files} == {n: before[id_of(n)] for n in files}


def test_a_version_that_another_file_still_holds_stays(place: Place) -> None:
    put(place.inbox / "a.png", png(1))
    put(place.inbox / "b.png", png(1))
    put(place.inbox / "labels.csv", "path,label\na.png,cat\n")
    place.run()
    put(place.inbox / "a.png", turned(1))
    place.run()
    assert set(snapshot_of(place)) == {id_of(1), hash_of(turned(1))}
    put(place.inbox / "b.png", png(2))
    place.run()
    assert set(snapshot_of(place)) == {id_of(2), hash_of(turned(1))}


def test_a_file_that_becomes_the_copy_of_another_leaves_that_ones_label_and_split(place: Place) -> None:
    put(place.inbox / "a.png", png(1))
    put(place.inbox / "b.png", png(2))
    put(place.inbox / "labels.csv", f"id,label,split\n{id_of(1)},cat,test\n{id_of(2)},dog,train\n")
    place.run()
    put(place.inbox / "a.png", png(2))
    assert place.run().samples == 1
    assert snapshot_of(place) == {id_of(2): ("dog", "train")}


@pytest.mark.parametrize("key", ["path", "id"])
def test_a_label_file_names_and_corrects_an_edited_file(place: Place, key: str) -> None:
    names = {"path": ("0.png", "1.png"), "id": (id_of(0), id_of(1))}[key]
    for number in range(3):
        put(place.inbox / f"{number}.png", png(number))

    def held(label: str) -> tuple[dict[str, str], int, int]:
        put(place.inbox / "labels.csv", f"{key},label\n{names[0]},{label}\n{names[1]},dog\n")
        output = place.run()
        assert output.labels_contradictory == 0
        return place.labels(), output.labels_new, output.labels_unknown

    dog, edited, again = {id_of(1): "dog"}, hash_of(turned(0)), hash_of(png(10))
    assert held("cat") == ({id_of(0): "cat"} | dog, 2, 0)
    put(place.inbox / "0.png", turned(0))
    assert held("cat") == ({edited: "cat"} | dog, 0, 0)
    assert held("cow") == ({edited: "cow"} | dog, 1, 0)
    put(place.inbox / "0.png", png(10))
    assert held("cow") == ({again: "cow"} | dog, 0, 0)
    assert held("") == (dog, 1, 0)
    assert snapshot_of(place) == {id: (dog.get(id, ""), "train") for id in (id_of(1), id_of(2), again)}


def test_the_folder_of_an_edited_file_is_its_class_and_a_file_corrects_it(place: Place) -> None:
    for number in range(4):
        put(place.inbox / ("cat" if number < 2 else "dog") / f"{number}.png", png(number))
    place.run(labels_from="folders")
    put(place.inbox / "cat" / "0.png", turned(0))
    assert place.run(labels_from="folders").labels_new == 0
    expected = {hash_of(turned(0)): "cat", id_of(1): "cat", id_of(2): "dog", id_of(3): "dog"}
    assert place.labels() == expected
    put(place.inbox / "labels.csv", "path,label\ncat/0.png,dog\n")
    place.run(labels_from="folders")
    assert place.labels() == expected | {hash_of(turned(0)): "dog"}


def test_the_copy_of_an_edited_test_item_is_never_trained_on(place: Place) -> None:
    splits = {split_of(id_of(seed), 0.5, {}): seed for seed in range(20)}
    put(place.inbox / "a.png", png(splits["test"]))
    put(place.inbox / "b.png", png(splits["train"]))
    place.run()
    near = np.zeros(2, np.int64)  # as if they were near-duplicates
    assert make_table(place.target, Index.load(place.target), 0.5, group=near)[0].split.tolist() == [
        "test", "test",
    ]  # fmt: skip
    put(place.inbox / "a.png", png(99))
    place.run()
    table, _, _ = make_table(place.target, Index.load(place.target), 0.5, group=near)
    assert table.ids.tolist() == [id_of(splits["train"]), id_of(99)]
    assert table.split.tolist() == ["test", "test"]


def test_a_decoder_that_crashes_costs_one_sample(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(batch: list[bytes], limits: Any) -> Any:
        if png(1) in batch:
            faulthandler.disable()  # the crash is wanted: no traceback among the results
            os.kill(os.getpid(), signal.SIGSEGV)
        return check_images(batch, limits)

    monkeypatch.setattr("components.modalities.image.read.check_images", crash)
    for number in range(3):
        put(place.inbox / f"{number}.png", png(number))
    output = place.run()
    assert (output.samples, output.quarantined) == (2, {"unreadable": 1})
    assert sorted(place.ids()) == sorted(map(id_of, (0, 2)))


def test_of_deliveries_that_come_at_once_the_last_has_the_last_word(place: Place) -> None:
    for number in range(10, 15):  # an index so long that both deliveries are written to it together
        put(place.inbox / str(number) / "x.png", png(number))
    place.run()
    for name, label in (("a", "cat"), ("b", "dog")):
        columns = {"image": [png(1), png(2)], "name": ["1", "2"], "label": [label, "cow"]}
        pq.write_table(pa.table(columns), place.inbox / f"{name}.parquet")
    output = place.run()
    assert place.labels() == {id_of(1): "dog", id_of(2): "cow"}
    assert output.labels_contradictory == 0


def test_one_bad_of_five_is_taken_out_and_the_others_come_in(place: Place) -> None:
    for number in range(4):
        put(place.inbox / "day" / f"{number}.png", png(number))
    put(place.inbox / "day" / "cut.png", png(9, 30)[:-400])
    output = place.run()
    assert (output.samples, output.quarantined) == (4, {"truncated": 1})
    [alert] = output.alerts
    assert "delivery day: 1 of 5 samples are bad (1 truncated)" in alert
    assert place.run().alerts == []


@pytest.mark.parametrize(("bad", "refused"), [(20, False), (21, True)])
def test_a_delivery_is_refused_where_share_and_number_are_high(place: Place, bad: int, refused: bool) -> None:
    put_parquet(place.inbox / "a.parquet", [png(i) for i in range(5)] + [bytes([i]) for i in range(bad)])
    if refused:
        with pytest.raises(
            UserError, match=r"21 of 26 samples are bad \(21 not an image\), allowed are 5.0% or 20"
        ):
            place.run()
        assert place.ids() == []
    else:
        assert place.run().samples == 5


def test_a_refused_delivery_takes_nothing_of_the_others_with_it(place: Place) -> None:
    """Small deliveries share a shard: those before and after it stay."""
    put_parquet(place.inbox / "a.parquet", [png(1)])
    put_parquet(place.inbox / "b.parquet", [png(i) for i in range(2, 9)] + [b"text"] * 4)
    put_parquet(place.inbox / "c.parquet", [png(2), png(20)])
    with pytest.raises(UserError, match=r"delivery b\.parquet"):
        place.run(max_bad=3)
    assert sorted(place.ids()) == sorted(map(id_of, (1, 2, 20)))
    assert set(place.files()) == {"index.json", *Index.load(place.target).files()}


@pytest.fixture
def decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many samples were decoded since it was called last, in all processes."""
    counted = tmp_path / "decoded"

    def count(batch: list[bytes], limits: Any) -> Any:
        with counted.open("ab") as out:
            out.write(b"." * len(batch))
        return check_images(batch, limits)

    def since() -> int:
        number = counted.stat().st_size
        counted.write_bytes(b"")
        return number

    monkeypatch.setattr("components.modalities.image.read.check_images", count)
    return since


def test_what_is_known_is_not_decoded_again(place: Place, decoded: Callable[[], int]) -> None:
    for number in range(30):
        put(place.inbox / f"{number}.png", png(number))
        os.utime(place.inbox / f"{number}.png", (1, 1))
    place.run()
    assert decoded() == 30
    put(place.inbox / "one-more.png", png(99))
    assert place.run().samples == 31
    assert decoded() == 1
    for number in range(30):  # moved and touched: known by its content
        (place.inbox / f"{number}.png").rename(place.inbox / f"moved-{number}.png")
        os.utime(place.inbox / f"moved-{number}.png", (2, 2))
    (place.settings.home / "cache" / "ingest" / "mine.sqlite").unlink()
    output = place.run()
    assert (output.samples, output.samples_new, decoded()) == (31, 0, 0)


def test_a_changed_file_of_the_same_size_and_time_is_seen(place: Place) -> None:
    put(place.inbox / "1.png", png(1))
    os.utime(place.inbox / "1.png", (1, 1))
    place.run()
    size = (place.inbox / "1.png").stat().st_size
    other = next(n for n in range(2, 99) if len(png(n)) == size)
    put(place.inbox / "1.png", png(other))
    os.utime(place.inbox / "1.png", (1, 1))
    assert place.run().replaced == 1


def test_many_small_folders_share_shards_and_writings_of_the_index(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    save = Index.save
    monkeypatch.setattr(Index, "save", lambda index, folder: (saved.append(1), save(index, folder)))
    for number in range(60):
        for k in (0, 1):
            put(place.inbox / f"{number:03}" / f"{k}.png", png(2 * number + k))
    output = place.run(shard_size=20)
    assert (output.samples, output.deliveries_new) == (120, 60)
    index = Index.load(place.target)
    assert [shard.rows for shard in index.shards] == [20] * 6
    assert len(saved) == 4  # as many samples each time as the index has entries: 20, 20, 40, 40
    assert index.shards[0].delivery == "000 to 009"
    assert place.run(shard_size=20).deliveries_known == 60


def test_our_own_folders_are_no_part_of_an_inbox_around_them(place: Place) -> None:
    place.settings = Settings(home=place.inbox / "home", data=place.inbox / "data")
    place.target = place.inbox / "data" / "mine"
    put(place.inbox / "a" / "1.png", png(1))
    put(place.inbox / "a" / "bad.png", "text")
    for _ in range(2):
        assert place.run().samples == 1
    assert [record.name for record in Index.load(place.target).deliveries] == ["a"]
    for folder in (place.settings.home, place.settings.data, place.target / "shards"):
        with pytest.raises(UserError, match="is a folder that we write ourselves"):
            place.run(inbox=str(folder))


def test_what_is_left_out_is_told(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    put(place.inbox / "cat" / "1.png", png(1))
    put(place.inbox / "cat" / "@eaDir" / "1.png" / "THUMB.png", png(2))
    put(place.inbox / "cat" / "notes.txt", "text")
    output = place.run()
    assert (output.samples, output.litter, output.ignored) == (1, 1, 1)
    said = capsys.readouterr().out
    assert "left out 1 @eaDir" in said
    assert "ignored 1 file of other kinds than images, e.g. cat/notes.txt" in said


def test_links_lead_where_the_recipe_allows(place: Place) -> None:
    put(place.root / "store" / "1.png", png(1))
    put(place.root / "secret" / "2.png", png(2))
    (place.inbox / "1.png").symlink_to(place.root / "store" / "1.png")
    (place.inbox / "2.png").symlink_to(place.root / "secret" / "2.png")
    output = place.run(links=[str(place.root / "store")])
    assert (place.ids(), output.quarantined) == ([id_of(1)], {"link out of the inbox": 1})


@pytest.mark.parametrize("name", ["1.jfif", "1.jpe", "1", "1.PNG", "1.unknown"])
def test_an_image_is_told_by_its_content_where_its_name_does_not(place: Place, name: str) -> None:
    put(place.inbox / name, png(1))
    put(place.inbox / "README", "no image")
    output = place.run()
    assert (output.samples, output.ignored) == (1, 1)


class Killed(BaseException):
    """Power cut."""


def fill(inbox: Path) -> None:
    put_parquet(inbox / "a.parquet", [png(i) for i in range(9)] + [png(0)])
    pq.write_table(pa.table({"image": [png(8), png(20)], "label": ["cat", "dog"]}), inbox / "b.parquet")
    for i in range(30, 35):
        put(inbox / "c" / "cat" / f"{i}.png", png(i))
    put(inbox / "c" / "bad.png", "text")
    put(inbox / "cut.parquet", "PAR1")
    put(inbox / "labels.csv", "name,label,split\na-0.png,cat,train\na-1.png,dog,test\n")


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_write_and_run_again_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    whole = Place(tmp_path / "whole")
    fill(whole.inbox)
    expected = whole.run(max_bad_share=0.2)
    calls = {"left": 10**9}

    def counted(real: Any) -> Any:
        def write(*arguments: Any, **options: Any) -> Any:
            calls["left"] -= 1
            if calls["left"] < 0:
                raise Killed
            return real(*arguments, **options)

        return write

    monkeypatch.setattr("os.fsync", counted(lambda handle: None))
    monkeypatch.setattr(Path, "replace", counted(Path.replace))
    kills = 0
    for kills in range(0, 10**6, step):
        place = Place(tmp_path / str(kills))
        fill(place.inbox)
        calls["left"] = kills
        try:
            place.run(max_bad_share=0.2)
        except Killed:
            calls["left"] = 10**9
            assert place.run(max_bad_share=0.2) == expected, f"counted otherwise, killed at write {kills}"
        else:
            break
        assert place.files() == whole.files(), f"killed at write {kills}"
    assert kills > 30


def test_killed_while_files_are_replaced_and_run_again_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {"left": 10**9}

    def edited(place: Place) -> None:
        fill(place.inbox)
        place.run(max_bad_share=0.2)
        for i in (30, 31):
            put(place.inbox / "c" / "cat" / f"{i}.png", turned(i))

    def fsync(handle: int) -> None:
        calls["left"] -= 1
        if calls["left"] < 0:
            raise Killed

    monkeypatch.setattr("os.fsync", fsync)
    whole = Place(tmp_path / "whole")
    edited(whole)
    expected = whole.run(max_bad_share=0.2)
    assert expected.replaced == 2
    for kills in range(0, 99, 2):
        place = Place(tmp_path / str(kills))
        edited(place)
        calls["left"] = kills
        try:
            place.run(max_bad_share=0.2)
        except Killed:
            calls["left"] = 10**9
            assert place.run(max_bad_share=0.2) == expected, f"counted otherwise, killed at write {kills}"
        else:
            break
        assert place.files() == whole.files(), f"killed at write {kills}"
    assert kills > 4


KILLED = """
import os, signal, sys
from pathlib import Path
from pipelines.settings import Settings
from pipelines.stages import ingest
from pipelines.engine.context import Context
root, write = Path(sys.argv[1]), int(sys.argv[2])
real, count = os.fsync, 0
def fsync(handle):
    global count
    count += 1
    if count == write:
        os.kill(os.getpid(), signal.SIGKILL)
    real(handle)
os.fsync = fsync
settings = Settings(home=root / "home", data=root / "data")
request = ingest.Request(
    inbox=str(root / "inbox"), modality={"name": "image"}, settle_seconds=0, shard_size=4, max_bad_share=0.2
)
ingest.run(request, root / "run", Context(settings.store, settings, "mine", root / "run"))
assert not {"torch", "ray", "mlflow", "airflow"} & sys.modules.keys()
"""


@pytest.mark.parametrize(("write", "code"), [(1, -signal.SIGKILL), (12, -signal.SIGKILL), (10**6, 0)])
def test_killed_for_good(tmp_path: Path, write: int, code: int) -> None:
    whole, place = Place(tmp_path / "whole"), Place(tmp_path / "killed")
    fill(whole.inbox)
    fill(place.inbox)
    expected = whole.run(max_bad_share=0.2)
    done = subprocess.run([sys.executable, "-c", KILLED, str(place.root), str(write)], check=False)
    assert done.returncode == code
    again = place.run(max_bad_share=0.2)
    assert again == expected or code == 0
    assert place.files() == whole.files()


def test_the_quickstart_is_as_promised(place: Place) -> None:
    source = Path(__file__).parents[3] / "recipes" / "quickstart"
    output = place.run(inbox=str(source / "inbox"), shard_size=4096)
    assert (output.samples, output.labels, len(output.classes), output.duplicates) == (20_000, 4_100, 10, 0)
    assert (output.quarantined, output.labels_unknown, output.labels_contradictory) == ({}, 0, 0)
    settled = settle(read_labels(place.target, Index.load(place.target)))
    train = Counter(settled.labels[id] for id, split in settled.named.items() if split == "train")
    assert train == dict.fromkeys(output.classes, 10)
    second = pq.read_table(source / "second.parquet")["image"].to_pylist()
    later = {hashlib.sha256(data).hexdigest() for data in second}
    truth = set(pq.read_table(source / "truth.parquet")["id"].to_pylist())
    assert len(later) == 8_000
    assert later.isdisjoint(place.ids())
    assert truth == (set(place.ids()) | later) - settled.labels.keys()


def test_a_label_is_corrected_corrected_back_and_withdrawn(place: Place) -> None:
    for i in range(4):
        put(place.inbox / f"{i}.png", png(i))
    held = []
    for first in ("cat", "dog", "cat", ""):
        put(place.inbox / "labels.csv", f"path,label\n0.png,{first}\n1.png,dog\n")
        output = place.run()
        held.append((place.labels().get(id_of(0)), output.labels_new))
    assert held == [("cat", 2), ("dog", 1), ("cat", 1), (None, 1)]
    assert place.labels() == {id_of(1): "dog"}


def test_a_file_corrects_the_labels_of_a_delivery(place: Place) -> None:
    columns = {"image": [png(i) for i in range(3)], "name": ["0", "1", "2"], "label": [0.0, 1.0, None]}
    pq.write_table(pa.table(columns), place.inbox / "a.parquet")
    put(place.inbox / "labels.csv", "name,label\n0,1\n2,0\n")
    output = place.run()
    assert place.labels() == {id_of(0): "1", id_of(1): "1", id_of(2): "0"}
    assert (output.classes, output.labels_contradictory) == (["0", "1"], 0)
    pq.write_table(pa.table(columns | {"label": [0.0, None, None]}), place.inbox / "a.parquet")
    place.run()
    assert place.labels() == {id_of(0): "1", id_of(2): "0"}  # the delivery withdrew its own


@pytest.mark.parametrize(("wrong", "stops"), [(1, False), (2, True), (20, True)])
def test_labels_that_find_no_sample_stop_the_stage_with_an_example(
    place: Place, wrong: int, stops: bool
) -> None:
    for i in range(20):
        put(place.inbox / f"{i}.png", png(i))
    rows = "".join(f"{'x' if i < wrong else ''}{i}.png,{'cat' if i % 2 else 'dog'}\n" for i in range(20))
    put(place.inbox / "labels.csv", f"path,label\n{rows}")
    if stops:
        with pytest.raises(UserError) as caught:
            place.run()
        assert (
            f"labels.csv: {wrong} of 20 labels find no sample, e.g. line 2, 'x0.png': no sample of this id, name or"
            " path; samples are called e.g. '0.png'"
        ) in str(caught.value)
        assert "\n" not in str(caught.value)
    else:
        assert place.run().labels_unknown == wrong
    assert len(place.labels()) == 20 - wrong
    assert place.run(max_unknown_share=1).labels_unknown == wrong


def test_labels_of_samples_in_quarantine_are_no_mistake_in_their_paths(place: Place) -> None:
    put(place.inbox / "good.png", png(1))
    put(place.inbox / "bad.png", "text")
    put(place.inbox / "labels.csv", "path,label\ngood.png,cat\nbad.png,cat\n")
    output = place.run(max_bad_share=0.5)
    assert output.unknown is not None
    assert "bad.png,its sample is not taken: not an image" in (place.folder / output.unknown.path).read_text()


def test_folders_of_tests_and_of_unlabelled_samples(place: Place) -> None:
    for i, name in enumerate(("train/cat", "train/dog", "test/cat", "val/dog", "unlabeled")):
        put(place.inbox / name / "x.png", png(i))
    place.run(labels_from="folders")
    index = Index.load(place.target)
    table, targets, _ = make_table(place.target, index, 0.5)
    assert targets.classes == ["cat", "dog"]
    found = {id: (split, label) for id, split, label in zip(table.ids, table.split, table.label, strict=True)}
    assert found == {
        id_of(0): ("train", 0), id_of(1): ("train", 1), id_of(2): ("test", 0), id_of(3): ("train", 1),
        id_of(4): ("train", -1),
    }  # fmt: skip


def test_a_folder_of_tests_counts_for_labels_from_files_too(place: Place) -> None:
    for i, name in enumerate(("train/0", "train/1", "test/2", "test/3")):
        put(place.inbox / f"{name}.png", png(i))
    put(place.inbox / "labels.csv", "path,label\n0.png,cat\n1.png,dog\n")
    place.run()
    named = settle(read_labels(place.target, Index.load(place.target))).named
    assert named == {}  # no label in test/: images to predict, perhaps
    put(place.inbox / "labels.csv", "path,label\n0.png,cat\n1.png,dog\n2.png,cat\n")
    place.run()
    named = settle(read_labels(place.target, Index.load(place.target))).named
    assert named == {id_of(2): "test", id_of(3): "test"}


def put_classes(inbox: Path) -> None:
    """Two classes with a folder of tests, a copy of one image in another class, one that a label file corrects, one
    that it withdraws, and one that is edited between two ingests."""
    for i in range(30):
        put(inbox / "train" / "ab"[i % 2] / f"{i}.png", png(i))
    put(inbox / "test" / "a" / "40.png", png(40))
    put(inbox / "test" / "41.png", png(41))
    put(inbox / "train" / "b" / "copy.png", png(0))
    put(inbox / "labels.csv", "path,label\ntrain/a/2.png,c\ntrain/a/4.png,\n")


def test_labels_taken_in_many_parts_are_those_taken_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [Place(tmp_path / name) for name in ("whole", "parts")]
    for place, size in zip(places, (by_part.PART, 3), strict=True):
        monkeypatch.setattr(by_part, "PART", size)
        monkeypatch.setattr(labels, "LARGEST", size)
        put_classes(place.inbox)
        place.run(labels_from="folders")
        put(place.inbox / "train" / "b" / "1.png", turned(1))
        put(place.inbox / "labels.csv", "path,label\ntrain/a/2.png,b\ntrain/a/4.png,\n")
    whole, parts = (place.run(labels_from="folders") for place in places)
    assert (whole.labels, whole.classes, whole.labels_withdrawn, whole.labels_contradictory) == (
        29, ["a", "b"], 1, 1,  # 32 samples, of which 41.png has no label
    )  # fmt: skip
    assert parts.model_copy(update={"digest": whole.digest}) == whole
    indexes = [Index.load(place.target) for place in places]
    assert len(indexes[0].labels) == 2 < 5 < len(indexes[1].labels)
    rows, rows_in_parts = (
        [row for _, row in read_labels(place.target, index)]
        for place, index in zip(places, indexes, strict=True)
    )
    assert rows_in_parts == rows
    table, table_in_parts = (
        make_table(place.target, index, 0.3) for place, index in zip(places, indexes, strict=True)
    )
    for column in ("ids", "split", "label"):
        assert (getattr(table[0], column) == getattr(table_in_parts[0], column)).all()
    named = settle(read_labels(places[1].target, indexes[1])).named
    assert named == {id_of(40): "test", id_of(41): "test"}


def test_killed_between_two_parts_of_the_labels_and_run_again_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_part, "PART", 3)
    monkeypatch.setattr(labels, "LARGEST", 3)
    whole, killed = Place(tmp_path / "whole"), Place(tmp_path / "killed")
    for place in (whole, killed):
        put_classes(place.inbox)
    expected = whole.run(labels_from="folders")
    came = Counter[str]()

    def die_at_the_fourth(name: str) -> None:
        came[name] += 1
        if came["ingest.labels"] == 4:
            raise Killed

    with monkeypatch.context() as crash:
        crash.setattr(labels, "point", die_at_the_fourth)
        with pytest.raises(Killed):
            killed.run(labels_from="folders")
    assert Index.load(killed.target).labels == []
    assert killed.run(labels_from="folders") == expected
    assert killed.files() == whole.files()


def test_a_sample_that_moves_to_another_folder_changes_its_class(place: Place) -> None:
    for i in range(3):
        put(place.inbox / "cat" / f"{i}.png", png(i))
    place.run(labels_from="folders")
    for name in ("dog", "unlabeled"):
        (place.inbox / name).mkdir()
    (place.inbox / "cat" / "1.png").rename(place.inbox / "dog" / "1.png")
    (place.inbox / "cat" / "2.png").rename(place.inbox / "unlabeled" / "2.png")
    for _ in range(2):
        place.run(labels_from="folders")
        assert place.labels() == {id_of(0): "cat", id_of(1): "dog"}


def test_words_for_no_label_can_be_made_classes(place: Place) -> None:
    put(place.inbox / "unknown" / "1.png", png(1))
    put(place.inbox / "a" / "2.png", png(2))
    pq.write_table(pa.table({"image": [png(3)], "label": ["Unknown"]}), place.inbox / "x.parquet")
    place.run(labels_from="folders")
    assert place.labels() == {id_of(2): "a"}
    place.run(labels_from="folders", unlabelled=["unlabeled"])
    assert place.labels()[id_of(1)] == "unknown"


def test_a_table_of_paths_that_a_quote_swallows_is_its_authors_to_correct(place: Place) -> None:
    for i in range(3):
        put(place.inbox / f"{i}.png", png(i))
    put(place.inbox / "list.csv", 'path,label\n0.png,cat\n1.png,"dog\n2.png,dog\n')
    with pytest.raises(UserError, match=r"list\.csv in .*: unreadable table: line 3: a quote is opened"):
        place.run()
    assert len(place.ids()) == 3


def test_a_table_elsewhere_is_read_at_each_ingest(place: Place) -> None:
    table = place.root / "list.csv"
    for i in range(3):
        put(place.root / "pictures" / f"{i}.png", png(i))
    request = {"table": str(table)}
    table.write_text(f"path,label\n{place.root}/pictures/0.png,cat\n")
    seen = ingest.observe(place.request(**request), place.settings, "mine")
    assert place.run(**request).samples == 1
    table.write_text(f"path,label\n{place.root}/pictures/0.png,dog\n{place.root}/pictures/1.png,cat\n")
    assert ingest.observe(place.request(**request), place.settings, "mine")["table"] != seen["table"]
    assert place.run(**request).samples == 2
    assert place.labels() == {id_of(0): "dog", id_of(1): "cat"}


def put_pair(place: Place, name: str, seed: int, caption: str) -> None:
    put(place.inbox / f"{name}.png", png(seed))
    put(place.inbox / f"{name}.txt", caption)


def test_pairs_of_two_files_are_taken_once_and_anew_where_a_file_has_changed(place: Place) -> None:
    for k in range(4):
        put_pair(place, f"a/{k}", k, f"number {k}")
    put(place.inbox / "a" / "alone.png", png(7))
    request = {"modality": {"name": "pair"}}
    output = place.run(**request)
    assert (output.deliveries_new, output.samples_new) == (1, 4)
    assert sorted(place.ids()) == sorted(
        hashlib.sha256(join(png(k), f"number {k}".encode())).hexdigest() for k in range(4)
    )
    before = place.files()
    assert place.run(**request).samples_new == 0
    assert place.files() == before
    put(place.inbox / "a" / "alone.txt", "came later")
    put(place.inbox / "a" / "3.txt", "another caption")
    output = place.run(**request)
    assert (output.samples_new, output.samples) == (2, 6)
    assert hashlib.sha256(join(png(7), b"came later")).hexdigest() in place.ids()


def test_a_table_of_pairs_labels_them_and_takes_its_images_out_of_their_folder(place: Place) -> None:
    for k in range(3):
        put(place.inbox / "pictures" / f"{k}.png", png(k))
    put_pair(place, "pictures/own", 5, "apart")
    put(
        place.inbox / "captions.csv",
        "path,text,label\npictures/0.png,zero,x\npictures/1.png,one,\npictures/2.png,two,y\n",
    )
    request = {"modality": {"name": "pair"}}
    output = place.run(**request)
    assert (output.deliveries_new, output.samples_new) == (2, 4)
    id = [hashlib.sha256(join(png(k), text)).hexdigest() for k, text in enumerate((b"zero", b"one", b"two"))]
    assert place.labels() == {id[0]: "x", id[2]: "y"}
    put(place.inbox / "pictures" / "2.png", png(9))  # the table is as it was, an image that it names is not
    assert place.run(**request).samples_new == 1


def test_a_table_of_pairs_elsewhere_is_followed_with_its_images(place: Place) -> None:
    for k in range(2):
        put(place.root / "pictures" / f"{k}.png", png(k))
    table = place.root / "list.csv"
    table.write_text("file_name,text\npictures/0.png,zero\npictures/1.png,one\n")
    assert place.run(modality={"name": "pair"}, table=str(table)).samples == 2
    assert sorted(place.ids()) == sorted(
        hashlib.sha256(join(png(k), text)).hexdigest() for k, text in enumerate((b"zero", b"one"))
    )


def test_labels_of_a_killed_run_are_not_the_last_word(place: Place) -> None:
    put(place.inbox / "0.png", png(0))
    place.run()
    index = (place.target / "index.json").read_bytes()
    put(place.inbox / "labels.csv", "path,label\n0.png,cat\n")
    place.run()
    (place.target / "index.json").write_bytes(index)  # killed before the index was written
    put(place.inbox / "labels.csv", "path,label\n0.png,dog\n")
    place.run()
    assert place.labels() == {id_of(0): "dog"}


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
def test_what_lacked_a_decoder_is_tried_again_when_it_is_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO()
    Image.open(io.BytesIO(png(1))).convert("RGB").save(out, "AVIF")
    put(place.inbox / "a" / "1.avif", out.getvalue())
    put(place.inbox / "a" / "2.png", png(2))

    def seen() -> dict[str, str]:
        return ingest.observe(place.request(), place.settings, "mine")

    before = seen()
    with monkeypatch.context() as without:
        without.setattr(image_file.features, "check", lambda name: False)
        output = place.run()
        reason = "AVIF needs a Pillow built with it (pip install -U pillow)"
        assert output.quarantined == {reason: 1}
        assert seen() == before  # nothing is to be done about it
    assert seen() == before | {"decoders": reason}
    output = place.run()
    assert (output.samples_new, output.samples, output.quarantined) == (1, 2, {})
    assert place.run().samples_new == 0


def snapshot_of_table(place: Place, first: str, **modality: Any) -> None:
    """The recipe's first snapshot, of a table."""
    folder = place.settings.store / "snapshot" / "first"
    folder.mkdir(parents=True)
    config = TableConfig(**modality)
    cells = [line.split(",") for line in first.splitlines()]
    data = [canonical(dict(zip(cells[0], row, strict=True))) for row in cells[1:]]
    kind = Tables(config)
    written = kind.pack(lambda: [data], len(data), folder)
    packing = kind.packing(written, folder, np.arange(len(data)))
    made = Manifest(
        stage="snapshot", version=1, recipe="mine", given={}, observed={}, code="", started=1.0, seconds=1.0,
        request={"modality": config.model_dump(mode="json")}, output={"packing": packing.model_dump(mode="json")},
    )  # fmt: skip
    (folder / "manifest.json").write_text(made.model_dump_json())


TABLE_1 = "delay,size\n" + "".join(f"{n},{n * n}\n" for n in range(30))


def test_a_table_with_other_columns_than_the_first_snapshot_is_quarantined_and_a_correct_one_comes_in(
    place: Place,
) -> None:
    table = {"modality": {"name": "table", "changes": "refuse"}}
    put(place.inbox / "a.csv", TABLE_1)
    assert place.run(**table).samples == 30
    snapshot_of_table(place, TABLE_1)
    put(place.inbox / "b.csv", TABLE_1.replace("delay", "latency").replace("\n2", "\n7"))
    output = place.run(**table)
    assert (output.samples, output.quarantined) == (30, {"columns changed": 1})
    [alert] = output.alerts
    assert "delivery b.csv: nothing of it was taken, columns changed: new latency; missing delay; " in alert
    files = place.files()
    assert (place.run(**table).alerts, place.files()) == ([], files)
    put(place.inbox / "b.csv", TABLE_1.replace("\n2", "\n7"))
    assert place.run(**table).samples == 30 + TABLE_1.count("\n2")


def test_where_columns_may_change_a_table_with_others_comes_in(place: Place) -> None:
    table = {"modality": {"name": "table", "changes": "adapt"}}
    put(place.inbox / "a.csv", TABLE_1)
    place.run(**table)
    snapshot_of_table(place, TABLE_1, changes="adapt")
    put(place.inbox / "b.csv", TABLE_1.replace("delay", "latency"))
    output = place.run(**table)
    assert (output.samples, output.quarantined) == (60, {})


def test_a_quarantined_table_is_taken_once_its_columns_may_change(place: Place) -> None:
    put(place.inbox / "a.csv", TABLE_1)
    place.run(modality={"name": "table"})
    snapshot_of_table(place, TABLE_1)
    put(place.inbox / "b.csv", TABLE_1.replace("delay", "latency"))
    assert place.run(modality={"name": "table"}).samples == 30
    assert place.run(modality={"name": "table", "changes": "adapt"}).samples == 60
    assert place.run(modality={"name": "table"}).samples == 60
    assert place.run(modality={"name": "table", "ignore": ["delay", "latency"]}).deliveries_known == 2


def put_scans(place: Place, folder: str = "scans") -> None:
    """Five patients with three files each, of which one has four frames; a report without pixels; a cut file."""
    pytest.importorskip("pydicom")
    from tests.components.modalities.image.test_dicom import made

    for patient in range(5):
        for number in range(3):
            seed = np.random.default_rng(10 * patient + number)
            frames = {"NumberOfFrames": 4} if number == 2 else {}
            values = seed.integers(0, 4000, (4, 8, 8) if frames else (8, 8)).astype(np.uint16)
            name = f"{folder}/{'ab'[patient % 2]}/p{patient}-{number}" + (".dcm" if number else "")
            put(place.inbox / name, made(values, PatientID=f"patient {patient}", **frames))
    put(place.inbox / folder / "report.dcm", made(np.ones((8, 8), np.uint8))[:400])


SCANS = {"name": "image", "size": 8, "channels": 1, "window": [2000, 4000], "frames": 1}


def test_all_images_of_a_patient_are_in_one_split(place: Place) -> None:
    put_scans(place)
    output = place.run(modality=SCANS, labels_from="folders")
    assert output.samples == 5 * 6
    assert sum(output.quarantined.values()) == 1
    split, found = sides(place), dict[str, set[str]]()
    names: dict[str, str] = {}
    for _, batch in read_shards(place.target, Index.load(place.target), ["id", "name", "group"]):
        for id, name, group in zip(*batch.values(), strict=True):
            found.setdefault(group, set()).add(split[id])
            names[name] = id
            assert group.startswith("patient ")
    assert len(found) == 5
    assert all(len(one) == 1 for one in found.values())
    assert {next(iter(one)) for one in found.values()} == {"train", "test"}
    assert place.labels()[names["scans/a/p0-2.dcm@3"]] == "a"  # frames have the label of their file's folder
    assert place.labels()[names["scans/b/p1-0"]] == "b"  # known by its first bytes alone
    again = place.run(modality=SCANS, labels_from="folders")
    assert (again.samples_new, again.samples) == (0, 30)


def test_a_table_of_paths_names_scans_and_their_group(place: Place) -> None:
    put_scans(place)
    files = sorted(p.relative_to(place.inbox).as_posix() for p in place.inbox.rglob("*") if p.is_file())
    lines = [f"{file},s{place_ % 2},{'xy'[place_ % 2]}" for place_, file in enumerate(files)]
    put(place.inbox / "files.csv", "path,site,label\n" + "\n".join(lines) + "\n")
    modality = {**SCANS, "frames": None}
    output = place.run(modality=modality, group="site")
    assert output.samples == 15  # one of each file, none twice
    assert output.labels == 15
    groups = set()
    for _, batch in read_shards(place.target, Index.load(place.target), ["group"]):
        groups |= set(batch["group"])
    assert groups == {"s0", "s1"}  # what a person says goes before the patient


def test_a_scan_is_taken_once_its_decoder_is_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    put_scans(place)
    with monkeypatch.context() as patch:
        patch.setitem(image_file.MODULES, "DICOM", "no_such_module")
        put(place.inbox / "plain.png", png(1))
        output = place.run(modality=SCANS)
        assert output.samples == 1
        assert output.quarantined == {"DICOM needs pydicom (pip install 'selfsup[medical]')": 16}
        assert "decoders" not in ingest.observe(place.request(modality=SCANS), place.settings, "mine")
    assert (
        "DICOM needs pydicom"
        in ingest.observe(place.request(modality=SCANS), place.settings, "mine")["decoders"]
    )
    assert place.run(modality=SCANS).samples == 31
