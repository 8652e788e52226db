import hashlib
import io
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from components.data import versions
from components.data.labels import Row, append
from components.data.shards import Index, ShardWriter, folder_digest
from components.data.table import Table
from components.errors import UserError
from components.modalities import ImageConfig
from pipelines.context import Context
from pipelines.settings import Settings
from pipelines.stages import snapshot

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
        request = snapshot.Request(modality=ImageConfig(size=8, channels=1), **given)
        context = Context(store=folder, settings=self.settings, recipe="small")
        output = snapshot.run(request, folder, context)
        return output, Table.load(folder / output.table.path), np.load(folder / output.images.path)


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
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
    assert (output.samples, output.channels, output.size, output.version) == (40, 1, 8, VERSION.hash)
    assert output.digest == folder_digest(place.source)
    assert (output.labelled, output.tests) == (len(table.labelled_rows()), len(table.test_rows()))
    assert output.labelled + output.tests == 12


def test_statistics_are_of_training_samples_only(place, tmp_path):
    output, table, images = place.run(tmp_path / "out", test_share=0.5)
    assert 5 < (table.split == "test").sum() < 35
    kept = images[table.split == "train"] / 255
    assert output.mean == pytest.approx([kept.mean()], abs=1e-12)
    assert output.std == pytest.approx([kept.std()], abs=1e-9)


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
    code = "import sys, pipelines.stages.snapshot; assert not {'torch', 'pandas', 'dvc'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
