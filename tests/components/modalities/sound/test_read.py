import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.inbox import Inbox
from components.data.tables import columns_of
from components.modalities.image.config import ImageLimits
from components.modalities.image.read import ImageReader
from components.modalities.sound.config import SoundLimits
from components.modalities.sound.read import SoundReader
from tests.components.modalities.sound.toys import encoded, tone

DATA = [encoded(tone(0.1, pitch=200.0 + k)) for k in range(3)]


def reader() -> SoundReader:
    return SoundReader(SoundLimits())


def listed(folder: Path):
    return Inbox(folder, reader(), settle=0, now=0).list()


def test_files_by_suffix_or_by_their_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(DATA[0])
    (tmp_path / "B.FLAC").write_bytes(encoded(tone(0.1), format="FLAC"))
    (tmp_path / "unnamed").write_bytes(encoded(tone(0.1), format="OGG"))
    (tmp_path / "words.dat").write_bytes(b"no sound")
    found = listed(tmp_path)
    assert sorted(path for one in found.deliveries for path in one.files) == ["B.FLAC", "a.wav", "unnamed"]
    assert found.ignored == ["words.dat"]


@pytest.mark.parametrize("column", ["audio", "Sound"])
@pytest.mark.parametrize("packed", [False, True])
def test_rows_of_a_parquet_file(tmp_path: Path, column: str, packed: bool) -> None:
    values = [{"bytes": one, "path": f"{k}.wav"} for k, one in enumerate(DATA)] if packed else DATA
    table = {column: values, "label": ["a", None, "b"], "site": ["x", "y", "x"]}
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    assert columns_of(tmp_path / "x.parquet") == {"audio", "label", "site"}
    found = listed(tmp_path)
    assert [(one.kind, one.name) for one in found.deliveries] == [("table", "x.parquet")]
    rows = list(reader().rows(tmp_path / "x.parquet", "x.parquet", "site"))
    assert [row.data for row in rows] == DATA
    assert [row.label for row in rows] == ["a", "", "b"]
    assert [row.source for row in rows] == ["x", "y", "x"]
    assert rows[2].name == ("2.wav" if packed else "x.parquet#2")


def test_a_column_of_paths_is_a_table_of_paths(tmp_path: Path) -> None:
    pq.write_table(pa.table({"audio": ["a.wav"], "label": ["a"]}), tmp_path / "x.parquet")
    assert columns_of(tmp_path / "x.parquet") == {"path", "label"}


def test_images_are_no_sounds_and_sounds_no_images(tmp_path: Path) -> None:
    pq.write_table(pa.table({"audio": DATA}), tmp_path / "sounds.parquet")
    pq.write_table(pa.table({"image": DATA}), tmp_path / "images.parquet")
    images = ImageReader(ImageLimits())
    for name, sound in (("sounds.parquet", True), ("images.parquet", False)):
        columns = columns_of(tmp_path / name)
        assert reader().is_table(name, columns) == sound
        assert images.is_table(name, columns) == (not sound)


def test_a_class_label_of_hugging_face(tmp_path: Path) -> None:
    names = {"info": {"features": {"label": {"names": ["no", "yes"]}}}}
    table = pa.table({"audio": DATA, "label": [1, 0, -1]})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(names)}), tmp_path / "x.parquet")
    rows = reader().rows(tmp_path / "x.parquet", "x", None)
    assert [row.label for row in rows] == ["yes", "no", ""]
