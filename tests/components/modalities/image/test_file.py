"""The one decoder: odd metadata is no reason to refuse good pixels, and what the check accepts can be decoded."""

import io
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from components.data.reader import kind_of
from components.modalities.image import file as image_file
from components.modalities.image.check import check_images
from components.modalities.image.config import ImageConfig, ImageLimits
from components.modalities.image.file import ImageError, ends, is_deep, opened, picture
from components.modalities.image.pack import decode

CONFIG = ImageConfig(size=16, channels=3)
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def encoded(pixels: np.ndarray, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **options)
    return out.getvalue()


def exif(*entries: tuple[int, int, int, bytes], extra: bytes = b"") -> bytes:
    """A little-endian EXIF block. entries: tag, type, count, the 4 bytes of value or offset."""
    body = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    directory = struct.pack("<H", len(entries)) + body + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", 8) + directory + extra


def turned(way: int) -> tuple[int, int, int, bytes]:
    return (0x0112, 3, 1, struct.pack("<HH", way, 0))


def odd_blocks() -> Iterator[bytes]:
    """EXIF blocks that ask for a turn, with another tag of every type, at odd counts and offsets."""
    extra = struct.pack("<iiIIIII", -1, -1, 0, 0, 1, 0, 0) + bytes(16)
    for tag in (0x010E, 0x011A, 0x0128, 0x8769, 0x8825, 0x9286, 0x014A, 0x0111):
        for kind in range(15):
            for count in (0, 1, 2, 9, 1_000_000):
                for value in (0, 38, 0xFFFFFFFF):
                    yield exif(turned(6), (tag, kind, count, struct.pack("<I", value)), extra=extra)
    for kind in range(15):
        yield exif((0x0112, kind, 1, struct.pack("<HH", 6, 0)))
        yield exif((0x0112, kind, 2, struct.pack("<HH", 6, 6)), extra=extra)
    yield from (b"garbage garbage", b"II*\0", b"II*\0" + struct.pack("<I", 9999))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_no_exif_block_is_a_reason_to_refuse_an_image(form: str) -> None:
    pixels = noise(16, 16, 3)
    files = [encoded(pixels, form, exif=block) for block in odd_blocks()]
    assert check_images(files, ImageLimits()) == [None] * len(files)  # the pixels are good
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of metadata
        for data in files:
            assert decode(data, CONFIG).shape == (3, 16, 16)


@pytest.mark.parametrize("way", range(1, 9))
def test_the_orientation_is_obeyed_beside_a_malformed_tag(way: int) -> None:
    """Resolution unit as BYTE instead of SHORT, which Pillow cannot write back."""
    pixels = noise(16, 16, 3)
    upright = {
        1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1], 5: pixels.transpose(1, 0, 2),
        6: np.rot90(pixels, -1), 7: pixels[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(pixels, 1),
    }  # fmt: skip
    data = encoded(pixels, "PNG", exif=exif(turned(way), (0x0128, 1, 1, b"\2\0\0\0")))
    assert check_images([data], ImageLimits()) == [None]
    assert np.array_equal(decode(data, CONFIG), upright[way].transpose(2, 0, 1))


def test_an_orientation_that_is_none_leaves_the_image_as_it_is() -> None:
    pixels = noise(16, 16, 3)
    for value in (0, 9, 65535):
        data = encoded(pixels, "PNG", exif=exif(turned(value)))
        assert np.array_equal(decode(data, CONFIG), pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("big", [False, True])
def test_deep_grey_keeps_its_values_and_is_turned(big: bool) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (6, 6)).astype(">u2" if big else "<u2")
    image = Image.frombytes("I;16B" if big else "I;16", (6, 6), values.tobytes())
    out = io.BytesIO()
    image.save(out, "TIFF")
    with opened(out.getvalue()) as image:
        found = picture(image)
    assert [band.mode for band in found.bands] == ["F"]
    assert found.limits == (0, 65535)
    assert np.array_equal(found.values(), values.astype(np.float32))
    data = encoded(values.astype(np.uint16), "PNG", exif=exif(turned(6)))
    with opened(data) as image:
        assert np.array_equal(picture(image).values(), np.rot90(values, -1).astype(np.float32))


def png16(values: np.ndarray[Any, Any], kind: int) -> bytes:
    """A PNG of 16 bits, uint16 [H, W, C], of colour type `kind`, each row as differences to the left (filter 1)."""
    height, width, channels = values.shape
    rows = values.astype(">u2").view(np.uint8).reshape(height, width, 2 * channels)
    left = np.concatenate([np.zeros_like(rows[:, :1]), rows[:, :-1]], 1)
    lines = b"".join(b"\1" + line.tobytes() for line in rows - left)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def tiff16(values: np.ndarray[Any, Any]) -> bytes:
    """An uncompressed little-endian TIFF of 16 bits a channel, RGB."""
    height, width, _ = values.shape
    data = values.astype("<u2").tobytes()
    entries = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8 + len(data)), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 8), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(data)),
    ]  # fmt: skip
    bits = struct.pack("<3H", 16, 16, 16)
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8 + len(data) + len(bits)) + data + bits + table + bytes(4)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_deep_colour_keeps_both_bytes_of_its_values(form: str) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    data = png16(values, 2) if form == "PNG" else tiff16(values)
    assert check_images([data], ImageLimits()) == [None]
    with opened(data) as image:
        assert is_deep(image)
        found = picture(image)
    assert found.limits == (0, 65535)
    assert np.array_equal(found.values(), np.moveaxis(values, -1, 0).astype(np.float32))


def test_deep_colour_is_laid_on_white_where_it_is_transparent() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (4, 4, 4)).astype(np.uint16)
    values[0, :, 3], values[1, :, 3] = 65535, 0
    for kind, part in ((6, values), (4, values[..., 2:])):
        with opened(png16(part, kind)) as image:
            bands = [np.asarray(band) for band in picture(image).bands]
        for number, band in enumerate(bands):
            assert np.array_equal(band[0], part[0, :, number].astype(np.float32))
            assert (band[1] == 65535).all()
        assert len(bands) == part.shape[-1] - 1


def test_deep_colour_that_is_not_read_whole_is_named() -> None:
    data = b"P6 4 4 65535\n" + bytes(96)
    (reason,) = check_images([data], ImageLimits())
    assert reason is not None
    assert reason.startswith("16 bits a channel are read of grey, RGB and RGBA in PNG and TIFF alone")
    assert check_images([b"P6 4 4 255\n" + bytes(48)], ImageLimits()) == [None]


def test_ends_leave_out_a_thousandth_and_what_is_missing() -> None:
    values = np.arange(10_000, dtype=np.float32).reshape(100, 100)
    values[0, :5] = np.nan
    low, high = ends(values)
    assert low == pytest.approx(15, abs=1)
    assert high == pytest.approx(9989, abs=1)


def test_heic_without_its_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where it is not installed
    image_file._registers_heif.cache_clear()
    try:
        (reason,) = check_images([HEIC], ImageLimits())
    finally:
        image_file._registers_heif.cache_clear()
    assert reason == kind_of(reason) == "HEIC needs pillow-heif (pip install 'selfsup[heic]')"


def test_heic_is_read_where_the_extra_is_installed() -> None:
    heif = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    pixels = np.full((32, 32, 3), (200, 30, 60), np.uint8)
    heif.from_pillow(Image.fromarray(pixels)).save(out, quality=95)
    assert check_images([out.getvalue()], ImageLimits()) == [None]
    assert np.abs(decode(out.getvalue(), CONFIG).mean((1, 2)) - [200, 30, 60]).max() < 6


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
def test_avif_is_read_by_pillow() -> None:
    data = encoded(np.full((32, 32, 3), (200, 30, 60), np.uint8), "AVIF", quality=95)
    assert check_images([data], ImageLimits()) == [None]
    assert np.abs(decode(data, CONFIG).mean((1, 2)) - [200, 30, 60]).max() < 6


def test_avif_without_its_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_file.features, "check", lambda name: False)
    (reason,) = check_images([HEIC.replace(b"heic", b"avif")], ImageLimits())
    assert reason is not None
    assert reason.startswith("AVIF needs a Pillow")


def test_whatever_a_decoder_raises_is_an_image_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^unreadable: one two$"), opened(encoded(noise(8, 8), "PNG")):
        raise struct.error("one\ntwo")
