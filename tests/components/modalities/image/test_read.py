"""What of an inbox is an image, and what is wrong with one."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.data.reader import TableSample
from components.modalities.image import read
from components.modalities.image.check import check_images
from components.modalities.image.config import ImageConfig, ImageLimits
from components.modalities.image.pack import decode
from components.modalities.image.read import ImageReader

READER = ImageReader(ImageLimits())


def saved(kind: str, mode: str = "L") -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).convert(mode).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_a_file_that_begins_like_an_image_is_one_whatever_its_name(kind: str) -> None:
    data = saved(kind)
    assert READER.begins_like(data[:32])
    assert READER.check([data]) == [None]


@pytest.mark.parametrize("brand", [b"heic", b"avif"])
def test_heic_and_avif_are_images_whether_or_not_they_can_be_decoded(brand: bytes) -> None:
    assert READER.begins_like(b"\0\0\0\x18ftyp" + brand + bytes(12))


@pytest.mark.parametrize(
    "head", [b"", b"\x89PNG", b"name,label\n1.png,cat\n", b"PAR1" + bytes(28), bytes(32)]
)
def test_other_bytes_are_no_image(head: bytes) -> None:
    assert not READER.begins_like(head)


@pytest.mark.parametrize(
    ("path", "columns", "table"),
    [
        ("a/x.parquet", {"image", "name"}, True),
        ("a/X.PARQUET", {"bytes"}, True),
        ("a/x.parquet", {"path", "label"}, False),  # a table of paths
        ("a/x.parquet", set(), False),
        ("a/x.csv", {"image"}, False),  # text holds no bytes
    ],
)
def test_which_tables_hold_images(path: str, columns: set[str], table: bool) -> None:
    assert READER.is_table(path, columns) is table


def test_rows_of_a_table_are_samples_with_what_is_said_of_them(tmp_path: Path) -> None:
    columns = {"image": [b"1", b"2"], "name": ["n", None], "label": ["cat", None], "Scanner": [None, "A"]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    assert list(READER.rows(tmp_path / "x.parquet", "in/x.parquet", "Scanner")) == [
        TableSample("n", b"1", label="cat"), TableSample("in/x.parquet#1", b"2", source="A"),
    ]  # fmt: skip
    assert [row.source for row in READER.rows(tmp_path / "x.parquet", "in/x.parquet", None)] == ["", ""]
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="unreadable table"):
        list(READER.rows(tmp_path / "x.parquet", "in/x.parquet", None))


def test_a_batch_is_checked_with_the_limits_of_the_recipe() -> None:
    tight = ImageReader(ImageLimits(max_bytes=10_000, min_side=17))
    batch = [saved("PNG"), b"", b"text", bytes(10_001)]
    assert tight.max_bytes == 10_000
    assert tight.check(batch) == check_images(batch, tight.limits)
    assert tight.check(batch) == [
        "too small: 16 x 16, needed 17 on each side", "empty", "not an image",
        "too large a file: 10001 bytes, allowed 10000",
    ]  # fmt: skip


def test_only_what_a_decoder_was_missing_for_is_tried_again_once_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there: set[str] = set()
    monkeypatch.setattr(read, "has_decoder", there.__contains__)
    heic, avif = (read.NEEDS[name] for name in ("HEIC", "AVIF"))
    assert not READER.mended(heic)
    there.add("HEIC")
    assert READER.mended(heic)
    assert not READER.mended(avif)
    assert not READER.mended("too small: 1 x 1, needed 4 on each side")


def test_which_files_are_samples_and_which_hold_several() -> None:
    """Of a recipe of today .npy files are none, and only DICOM files are taken apart."""
    assert ".tif" in READER.suffixes
    assert not {".npy", ".dcm", ".mp4"} & READER.suffixes
    assert READER.containers == {".dcm", ".dicom"}
    kept = ImageReader(ImageLimits(), ImageConfig(channels=5))
    assert ".npy" in kept.suffixes
    by_frame = ImageReader(ImageLimits(), ImageConfig(frames=2))
    assert ".tif" not in by_frame.suffixes
    assert {".tif", ".tiff", ".mp4", ".dcm"} <= by_frame.containers
    assert READER.begins_several(bytes(128) + b"DICM")
    assert not READER.begins_several(bytes(132))


def test_pages_of_a_tiff_are_samples_where_the_recipe_says_so(tmp_path: Path) -> None:
    pytest.importorskip("tifffile")
    shades = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (10, 20, 30)]
    shades[0].save(tmp_path / "a.tif", save_all=True, append_images=shades[1:])
    reader = ImageReader(ImageLimits(), ImageConfig(channels=1, frames=2))
    rows = list(reader.rows(tmp_path / "a.tif", "x/a.tif", None))
    assert [(row.name, row.group) for row in rows] == [("x/a.tif@0", "x/a.tif"), ("x/a.tif@2", "x/a.tif")]
    assert [decode(row.data, ImageConfig(size=8, channels=1)).max() for row in rows] == [10, 30]


def test_a_file_that_is_too_large_to_be_taken_apart(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(bytes(1700))
    with pytest.raises(ValueError, match="too large a file: 1700 bytes, allowed 1600"):
        list(ImageReader(ImageLimits(max_bytes=100)).rows(tmp_path / "a.dcm", "a.dcm", None))
