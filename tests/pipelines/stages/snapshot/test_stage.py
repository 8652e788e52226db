import hashlib
import io
import shutil
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from components.data import versions
from components.data.labels import Row, append
from components.data.shards import Index, ShardWriter, folder_digest
from components.data.splits import splits_of
from components.data.table import Table
from components.errors import UserError
from components.modalities.image import pack as decoder
from components.modalities.image.config import ImageConfig
from components.modalities.table.check import canonical
from components.modalities.table.config import TableConfig
from pipelines.engine import context
from pipelines.engine.code_digest import code_digest
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.settings import Settings
from pipelines.stages.snapshot import stage as snapshot
from pipelines.stages.snapshot.table import united

VERSION = versions.Version("0" * 31 + "1.dir", 3, 999)


@dataclass
class Place:
    settings: Settings
    images: np.ndarray

    @property
    def source(self):
        return self.settings.data / "small"

    @property
    def ids(self):
        return [hashlib.sha256(png(i)).hexdigest() for i in self.images]

    def label(self, rows):
        index, _ = append(self.source, Index.load(self.source), rows)
        index.save(self.source)

    def run(self, folder, **given):
        folder.mkdir(exist_ok=True)
        request = snapshot.Request(**{"modality": ImageConfig(size=8, channels=1), **given})
        context = Context(store=folder, settings=self.settings, recipe="small")
        output = snapshot.run(request, folder, context)
        return output, Table.load(folder / output.table.path), np.load(folder / output.arrays["images"].path)

    def packed(self, folder, store=None, observed=None):
        """A snapshot of rows of tables."""
        folder.mkdir()
        made = Context(store=store or folder, settings=self.settings, recipe="small", observed=observed or {})
        return snapshot.run(snapshot.Request(modality=TableConfig()), folder, made)

    def deliver(self, *files, name="second"):
        """Files as they are into shards of their own."""
        index, writer = Index.load(self.source), ShardWriter(self.source, name, rows=16)
        for number, data in enumerate(files):
            writer.add(hashlib.sha256(data).hexdigest(), data, f"{name}-{number}")
        index.model_copy(update={"shards": index.shards + writer.finish()}).save(self.source)


def png(pixels, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", **options)
    return out.getvalue()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Forty images in shards of sixteen; DVC stands still but where a test is about it."""
    monkeypatch.setattr(versions, "snapshot", lambda *_: VERSION)
    settings = Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path)
    made = Place(settings, np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    writer = ShardWriter(made.source, "first", rows=16)
    for number, (image, id) in enumerate(zip(made.images, made.ids, strict=True)):
        writer.add(id, png(image), f"{number}.png")
    Index(shards=writer.finish()).save(made.source)
    return made


def test_rows_of_array_and_table_are_the_same_samples(place, tmp_path):
    names = ["cat", "dog", "ape"]
    place.label([Row(id, names[n % 3]) for n, id in enumerate(place.ids[:12])])
    output, table, images = place.run(tmp_path / "out")
    assert table.ids.tolist() == place.ids
    assert np.array_equal(images[:, 0], place.images)
    assert output.classes == ["ape", "cat", "dog"]
    assert table.label.tolist() == [output.classes.index(names[n % 3]) for n in range(12)] + [-1] * 28
    assert [len(set(table.shards[k : k + 16])) for k in (0, 16, 32)] == [1, 1, 1]
    assert len(set(table.shards)) == 3
    assert (output.samples, output.version) == (40, VERSION.hash)
    assert (output.packing.name, output.packing.channels, output.packing.size) == ("image", 1, 8)
    assert output.digest == folder_digest(place.source)
    assert (output.labelled, output.tests) == (len(table.labelled_rows()), len(table.test_rows()))
    assert output.labelled + output.tests == 12


def test_statistics_are_of_training_samples_only(place, tmp_path):
    output, table, images = place.run(tmp_path / "out", test_share=0.5)
    assert 5 < (table.split == "test").sum() < 35
    kept = images[table.split == "train"] / 255
    assert output.packing.mean == pytest.approx([kept.mean()], abs=1e-12)
    assert output.packing.std == pytest.approx([kept.std()], abs=1e-9)


def test_items_that_a_person_named_are_the_test_set(place, tmp_path):
    place.label(
        [Row(id, "cat", split="test") for id in place.ids[:5]] + [Row(place.ids[7], "dog", split="train")]
    )
    _, table, _ = place.run(tmp_path / "out", test_share=0.9)
    assert table.test_rows().tolist() == list(range(5))
    assert (table.split == "test").sum() == 5
    assert table.labelled_rows().tolist() == [7]


def test_new_samples_and_labels_move_nobody_between_splits(place, tmp_path):
    _, before, _ = place.run(tmp_path / "a", test_share=0.3)
    place.label([Row(id, "cat") for id in place.ids[::2]])
    index, writer = Index.load(place.source), ShardWriter(place.source, "second", rows=16)
    more = np.full((3, 8, 8), 7, np.uint8) * np.arange(1, 4, dtype=np.uint8)[:, None, None]
    for image in more:
        writer.add(hashlib.sha256(png(image)).hexdigest(), png(image), "x")
    index.model_copy(update={"shards": index.shards + writer.finish()}).save(place.source)
    _, after, images = place.run(tmp_path / "b", test_share=0.3)
    assert after.split[:40].tolist() == before.split.tolist()
    assert np.array_equal(images[40:, 0], more)


NUMBERS = {"name": "regression"}


def test_labels_that_are_numbers_are_a_column_of_their_own_and_others_are_listed(place, tmp_path):
    texts = ["1.234,5", "-1", "cheap", "inf", "NA", "7"]
    place.label([Row(id, text) for id, text in zip(place.ids, texts, strict=False)])
    output, table, _ = place.run(tmp_path / "out", task=NUMBERS, test_share=0.0)
    assert np.array_equal(table.target[:6], [1234.5, -1.0, np.nan, np.nan, np.nan, 7.0], equal_nan=True)
    assert np.isnan(table.target[6:]).all()
    assert table.label.tolist() == [0, 0, -1, -1, -1, 0] + [-1] * 34
    assert (output.classes, output.style, output.labelled) == ([], ",", 3)
    listed = (tmp_path / "out" / output.refused.path).read_text().splitlines()
    assert listed[0] == "id,reason"
    assert sorted(line.split(",")[0] for line in listed[1:]) == sorted(place.ids[2:4])
    assert any("'inf' is infinite" in line for line in listed)
    again, _, _ = place.run(tmp_path / "classes", test_share=0.0)
    assert (again.classes, again.style, again.refused) == (sorted(texts), "", None)


def test_labels_of_which_none_is_a_number_stop_a_regression(place, tmp_path):
    place.label([Row(id, "cat") for id in place.ids[:5]])
    with pytest.raises(UserError, match="the task regression needs labels that are numbers, got 'cat'"):
        place.run(tmp_path / "out", task=NUMBERS)


def test_later_labels_are_read_as_those_of_the_first_snapshot(place, tmp_path):
    """1,5 and 2,5 settle the comma; 1,234 alone would be read as a thousand."""
    place.label([Row(id, text) for id, text in zip(place.ids, ["1,5", "2,5"], strict=False)])
    request = snapshot.Request(modality=ImageConfig(size=8, channels=1), task=NUMBERS)
    seen = snapshot.observe(request, place.settings, "small")
    assert "style" not in seen
    output, _, _ = place.run(tmp_path / "out", task=NUMBERS)
    folder = place.settings.store / "snapshot" / "first"
    folder.mkdir(parents=True)
    made = Manifest(
        stage="snapshot", version=4, recipe="small", given={}, request=request.model_dump(mode="json"), observed=seen,
        code="c", output=output.model_dump(mode="json"), started=1.0, seconds=1.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(made.model_dump_json())
    assert "style" not in snapshot.observe(request, place.settings, "small")  # nothing has changed since
    place.label([Row(id, text) for id, text in zip(place.ids, ["1,234", "2,345"], strict=False)])
    now = snapshot.observe(request, place.settings, "small")
    assert now["style"] == ","
    target = tmp_path / "second"
    target.mkdir()
    context = Context(store=tmp_path, settings=place.settings, recipe="small", observed=now)
    second = snapshot.run(request, target, context)
    assert Table.load(target / second.table.path).target[:2].tolist() == [1.234, 2.345]
    other = snapshot.Request(modality=ImageConfig(size=8, channels=1))
    assert "style" not in snapshot.observe(other, place.settings, "small")


def test_no_labels_at_all(place, tmp_path):
    output, table, _ = place.run(tmp_path / "out")
    assert output.classes == []
    assert (table.label == -1).all()


def test_contradictory_labels_count_as_none(place, tmp_path):
    place.label(
        [Row(place.ids[0], "cat", "ana"), Row(place.ids[0], "dog", "ben"), Row(place.ids[1], "cat", "ana")]
    )
    _, table, _ = place.run(tmp_path / "out", test_share=0)
    assert table.label[:2].tolist() == [-1, 0]


def test_same_data_same_bytes(place, tmp_path):
    first, _, _ = place.run(tmp_path / "a")
    second, _, _ = place.run(tmp_path / "b")
    assert first == second


def test_what_is_expected(place, tmp_path):
    for good in (VERSION.hash, folder_digest(place.source)):
        place.run(tmp_path / "out", expect=("another", good))
    with pytest.raises(
        UserError, match=rf"abc\.dir is needed, the version is {VERSION.hash} .*delivered since"
    ):
        place.run(tmp_path / "out", expect=("abc.dir",))


def test_a_bad_sample_in_a_shard_is_left_out_and_named(place, tmp_path, capsys):
    """It passed the check of an older decoder, or was written by other means."""
    whole = png(place.images[0] // 2)
    place.deliver(whole[:60], b"text", png(place.images[1] // 2))
    place.label([Row(id, "cat") for id in place.ids])
    output, table, images = place.run(tmp_path / "out", test_share=0.0)
    assert output.samples == len(table) == len(images) == 41
    assert table.ids.tolist() == [*place.ids, hashlib.sha256(png(place.images[1] // 2)).hexdigest()]
    assert np.array_equal(images[40, 0], place.images[1] // 2)
    assert output.labelled == 40
    rows = (tmp_path / "out" / output.unreadable.path).read_text().splitlines()
    assert [line.split(",")[1] for line in rows] == ["name", "second-0", "second-1"]
    assert rows[1].split(",")[2].startswith("truncated")
    assert rows[2].endswith("not an image")


def test_no_sample_that_can_be_decoded_is_a_user_error(place, tmp_path):
    Index().save(place.source)
    place.deliver(b"text", b"more text")
    with pytest.raises(
        UserError, match=r"none of the 2 samples can be decoded, e\.g\. second-0: not an image"
    ):
        place.run(tmp_path / "out")


def test_near_duplicates_share_a_split_and_only_one_is_measured(place, tmp_path):
    """Every image once more, with the same pixels in other bytes."""
    copies = [png(image, compress_level=0) for image in place.images]
    place.deliver(*copies)
    ids = [*place.ids, *(hashlib.sha256(data).hexdigest() for data in copies)]
    assert len(set(ids)) == 80
    place.label([Row(id, "cat") for id in ids])
    output, table, _ = place.run(tmp_path / "out", test_share=0.4)
    alone = splits_of(place.ids, 0.4, {}, range(40))
    assert table.split.tolist() == alone * 2
    assert table.group.tolist() == [*range(40)] * 2
    assert (output.near_duplicates, output.leaked_tests) == (40, 0)
    assert output.tests == alone.count("test")
    assert table.test_rows().tolist() == [k for k in range(40) if alone[k] == "test"]
    assert output.labelled == 2 * alone.count("train")


def test_a_test_sample_whose_copy_a_person_named_for_training_is_not_measured(place, tmp_path):
    copy = png(place.images[0], compress_level=0)
    place.deliver(copy)
    own = hashlib.sha256(copy).hexdigest()
    tests = [Row(id, "cat", split="test") for id in place.ids[:3]]
    place.label([*tests, Row(own, "cat", split="train")])
    output, table, _ = place.run(tmp_path / "out")
    assert (table.split[0], table.split[40]) == ("test", "train")
    assert (output.near_duplicates, output.leaked_tests, output.tests) == (1, 1, 2)
    assert table.test_rows().tolist() == [1, 2]


def test_grey_of_more_than_8_bits_has_one_range_which_is_recorded(place, tmp_path):
    deep = [png(image.astype(np.uint16) * 16) for image in place.images[:2]]
    place.deliver(*deep)
    output, _, images = place.run(tmp_path / "out")
    low, high = output.packing.range
    assert 0 <= low < 100
    assert 3900 < high <= 4080
    assert np.abs(images[40:, 0].astype(int) - place.images[:2]).max() <= 8  # bits beyond 8 change no image
    found, _, _ = place.run(tmp_path / "named", modality=ImageConfig(size=8, channels=1, range=(0, 8160)))
    assert found.packing.range == (0, 8160)


def test_nothing_ingested(place, tmp_path):
    Index().save(place.source)
    with pytest.raises(UserError, match="run ingest"):
        place.run(tmp_path / "out")
    empty = Context(store=tmp_path, settings=place.settings, recipe="other")
    with pytest.raises(UserError, match="run ingest"):
        snapshot.run(snapshot.Request(modality=ImageConfig()), tmp_path, empty)


def test_it_sees_a_change_of_its_own_folder_only(place):
    request = snapshot.Request(modality=ImageConfig())
    before = snapshot.observe(request, place.settings, "small")
    Index().save(place.settings.data / "other")
    assert snapshot.observe(request, place.settings, "small") == before
    assert set(snapshot.observe(request, place.settings)) == {"data/other", "data/small"}
    place.label([Row(place.ids[0], "cat")])
    assert snapshot.observe(request, place.settings, "small") != before


def test_the_data_version_is_dvcs(place, tmp_path, monkeypatch):
    monkeypatch.undo()
    output, _, _ = place.run(tmp_path / "out")
    version = versions.read(place.settings.data)
    assert (output.version, output.files, output.bytes) == (version.hash, version.files, version.bytes)
    versions.verify(
        place.settings.data, output.version, place.settings.dvc_remote, place.settings.home / "dvc-cache"
    )
    assert output.files == 4


def test_it_needs_no_torch():
    code = "import sys, pipelines.stages.snapshot.stage; assert not {'torch', 'pandas', 'dvc'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def finish(place, folder, output, request):
    """The run as its store keeps it."""
    there = place.settings.store / "snapshot" / folder.name
    shutil.copytree(folder, there)
    manifest = Manifest(
        stage="snapshot", version=snapshot.VERSION, recipe="small", given={}, observed={},
        code=code_digest("snapshot", {}), request=request.model_dump(mode="json"),
        output=output.model_dump(mode="json"), started=1.0, seconds=1.0,
    )  # fmt: skip
    (there / "manifest.json").write_text(manifest.model_dump_json())


def test_what_an_earlier_snapshot_has_decoded_is_not_decoded_again(place, tmp_path, monkeypatch):
    request = snapshot.Request(modality=ImageConfig(size=8, channels=1))
    output, _, _ = place.run(tmp_path / "first")
    finish(place, tmp_path / "first", output, request)
    new = np.random.default_rng(1).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    place.deliver(*map(png, new))
    _, _, whole = place.run(tmp_path / "whole")

    decoded = []
    real = decoder.decoded
    monkeypatch.setattr(decoder, "decoded", lambda data, config: decoded.append(data) or real(data, config))

    def again(**changed):
        folder = tmp_path / f"again-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        stored = Context(store=place.settings.store, settings=place.settings, recipe="small")
        output = snapshot.run(request.model_copy(update=changed), folder, stored)
        count = len(decoded)
        decoded.clear()
        return count, np.load(folder / output.arrays["images"].path)

    count, images = again()
    assert count == 3
    assert np.array_equal(images, whole)
    assert again(modality=ImageConfig(size=8, channels=3))[0] == 43  # another modality has other pixels
    stored = place.settings.store / "snapshot" / "first"
    (stored / output.arrays["images"].path).write_bytes(b"damaged")
    context._verify.cache_clear()  # a stage has a process of its own
    assert again()[0] == 43


def test_groups_and_near_duplicates_link_samples_in_one():
    assert united([0, 1, 1, 3], ["a", "", "a", "b"]) == [0, 0, 0, 3]
    assert united([0, 1, 2, 3], ["", "", "", ""]) == [0, 1, 2, 3]
    assert united([0, 1, 0, 1, 4], ["", "x", "", "y", "y"]) == [0, 1, 0, 1, 1]
    assert united([0, 1, 2, 2], ["a", "b", "a", "b"]) == [0, 0, 0, 0]


def test_labels_are_told_by_the_task_and_not_by_what_lies_there(place, tmp_path, capsys):
    place.run(tmp_path / "a")
    assert "0 labelled for training and 0 for testing, 0 classes, data version" in capsys.readouterr().out
    place.run(tmp_path / "b", task={"name": "regression"})
    assert "labels are numbers, data version" in capsys.readouterr().out


def test_a_refusal_names_the_deliveries_and_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "snapshot", lambda *_: VERSION)
    place = Place(Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path), np.empty(0))
    right = [canonical({"delay": str(n), "size": str(n * n)}) for n in range(30)]
    wrong = [canonical({"delay": str(n), "size": f"{n} is much"}) for n in range(90, 120)]
    place.deliver(*right, name="first.csv")
    output = place.packed(tmp_path / "out")
    manifest = Manifest(
        stage="snapshot", version=4, recipe="small", given={}, observed={}, code="", started=1.0, seconds=1.0,
        request={"modality": TableConfig().model_dump(mode="json")}, output=output.model_dump(mode="json"),
    )  # fmt: skip
    made = tmp_path / "store" / "snapshot" / "first"
    made.mkdir(parents=True)
    (made / "manifest.json").write_text(manifest.model_dump_json())
    place.deliver(*wrong, right[0], name="march 2.csv")
    said = (
        r"column size was numeric of the first snapshot, now 30 of 61 values are not.*"
        r"They came in march 2\.csv \(30 samples\): .* `selfsup forget small 'march 2\.csv' --yes`"
    )
    with pytest.raises(UserError, match=said) as caught:
        place.packed(tmp_path / "again", store=tmp_path / "store", observed={"packing": "x"})
    assert caught.value.code == "columns-changed"
