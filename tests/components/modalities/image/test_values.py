"""Arrays in any order of axes and type, and TIFFs of pages, bands and sizes that Pillow does not read."""

import io
import struct
import time
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from components.modalities.image import file as image_file
from components.modalities.image.check import check_images
from components.modalities.image.config import ImageConfig, ImageLimits
from components.modalities.image.file import ImageError
from components.modalities.image.values import (
    as_picture,
    channels_first,
    filled,
    of_channels,
    pages,
    plain,
    read,
)

LIMITS = ImageLimits()


def npy(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def random(*shape: int, kind: type = np.uint16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 60_000 if kind is np.uint16 else 256, shape).astype(kind)


@pytest.mark.parametrize(
    ("shape", "channels", "moved"),
    [
        ((5, 8, 9), 5, False), ((8, 9, 5), 5, True), ((5, 8, 5), 5, False), ((3, 8, 3), 3, False),
        ((8, 9, 3), 3, True), ((3, 8, 9), 3, False), ((8, 9, 1), 3, True), ((1, 8, 9), 3, False),
        ((8, 9, 3), 1, True), ((3, 9, 9), 1, False), ((9, 9, 32), 32, True), ((2, 9, 9), 2, False),
    ],
)  # fmt: skip
def test_the_axis_of_the_channels(shape: tuple[int, ...], channels: int, moved: bool) -> None:
    values = random(*shape)
    expected = values.transpose(2, 0, 1) if moved else values
    assert np.array_equal(channels_first(values, channels), expected)


def test_two_axes_are_grey_and_an_axis_of_other_length_is_refused() -> None:
    grey = random(8, 9)
    assert np.array_equal(channels_first(grey, 5), grey[None])
    with pytest.raises(
        ImageError, match=r"channels: an array of shape \[4, 8, 9\], the recipe has 5 channels"
    ):
        channels_first(random(4, 8, 9), 5)
    with pytest.raises(ImageError, match="channels: 1, the recipe has 5"):
        read(npy(grey), 5)


def test_grey_and_colour_stand_in_for_each_other() -> None:
    grey, colour = random(1, 4, 5), random(3, 4, 5, seed=1)
    assert np.array_equal(of_channels(grey, 3), np.concatenate([grey] * 3))
    luma = of_channels(colour, 1)
    assert luma.dtype == np.uint16
    assert np.abs(luma[0] - np.einsum("c,chw->hw", [0.299, 0.587, 0.114], colour)).max() <= 0.51


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("u1", "uint8"), ("u2", "uint16"), (">u2", "uint16"), ("i1", "int16"), ("i2", "int16"), (">i2", "int16"),
        ("f2", "float16"), ("f4", "float32"), (">f4", "float32"), ("f8", "float32"), ("i4", "float32"),
        ("u4", "float32"), ("i8", "float32"),
    ],
)  # fmt: skip
def test_types_are_kept_or_become_float32(given: str, stored: str) -> None:
    values = np.arange(100).reshape(10, 10).astype(given)
    found = read(npy(values), 1)
    assert found.dtype == np.dtype(stored)
    assert found.dtype.isnative
    assert np.array_equal(found[0], np.arange(100).reshape(10, 10))


def test_a_bit_is_black_or_white() -> None:
    assert plain(np.array([[True, False]])).tolist() == [[255, 0]]


def test_missing_values_become_the_mean_of_their_channel() -> None:
    values = np.array([[[1, 3], [np.nan, np.inf]], [[np.nan] * 2] * 2, [[5, 6], [7, 8]]], np.float32)
    found = filled(values)
    assert found[0].tolist() == [[1, 3], [2, 2]]
    assert found[1].tolist() == [[5, 5], [5, 5]]  # of no value of its own: (1 + 3 + 5 + 6 + 7 + 8) / 6
    assert found[2].tolist() == [[5, 6], [7, 8]]
    with pytest.raises(ImageError, match="every pixel is NaN or infinite"):
        filled(np.full((1, 2, 2), np.inf, np.float32))


def header(shape: str, kind: str = "<f8") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode() + bytes(800)


HOSTILE = {
    "announces a terabyte": (
        header("(5, 100000, 200000)"),
        "truncated: 800 bytes of values, 800000000000 announced",
    ),
    "cut": (npy(random(5, 20, 20))[:-100], "truncated"),
    "header cut": (npy(random(5, 20, 20))[:40], "unreadable"),
    "objects": (npy(np.array([[None, 1]], dtype=object)), "not an image: an array of object"),
    "complex": (npy(np.ones((5, 8, 8), complex)), "not an image: an array of complex128"),
    "one axis": (npy(np.ones(50)), "not an image: an array of shape [50]"),
    "four axes": (npy(np.ones((2, 5, 8, 8))), "not an image: an array of shape [2, 5, 8, 8]"),
    "nothing": (npy(np.ones((5, 0, 8))), "not an image"),
    "negative": (header("(5, -8, -8)"), "not an image"),
    "other channels": (npy(random(4, 20, 20)), "channels"),
    "small": (npy(random(5, 20, 3)), "too small: 3 x 20"),
    "all missing": (npy(np.full((5, 8, 8), np.nan)), "unreadable: every pixel is NaN"),
    "garbage": (b"\x93NUMPY" + bytes(range(200)), "unreadable"),
}


def test_hostile_arrays_are_named_and_cost_no_other() -> None:
    tracemalloc.start()
    reasons = check_images(
        [*(data for data, _ in HOSTILE.values()), npy(random(5, 20, 20))], LIMITS, ImageConfig(channels=5)
    )
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    for (name, (_, wanted)), reason in zip(HOSTILE.items(), reasons, strict=False):
        assert str(reason).startswith(wanted), (name, reason)
        assert "\n" not in str(reason)
        assert len(str(reason)) < 300
    assert reasons[-1] is None


def test_a_large_array_is_too_many_pixels() -> None:
    reasons = check_images([npy(random(2, 30, 40))], ImageLimits(max_pixels=1000), ImageConfig(channels=2))
    assert reasons == ["too many pixels: 40 x 30, allowed 1000"]


def test_arrays_in_a_recipe_of_8_bits_are_pictures() -> None:
    colour = random(8, 9, 3, kind=np.uint8)
    found = as_picture(npy(colour))
    assert found.limits is None
    assert np.array_equal(np.asarray(found.bands[0]), colour)
    deep = np.arange(-36, 36, dtype=np.int16).reshape(8, 9)
    assert np.array_equal(as_picture(npy(deep)).values(), deep)


def tiff(values: np.ndarray, **options: object) -> bytes:
    tifffile = pytest.importorskip("tifffile")
    out = io.BytesIO()
    tifffile.imwrite(out, values, **options)
    return out.getvalue()


class TestTiff:
    @pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float16, np.float32])
    @pytest.mark.parametrize(
        "options",
        [
            {"photometric": "minisblack", "planarconfig": "separate"},
            {"photometric": "minisblack", "planarconfig": "separate", "bigtiff": True},
            {
                "photometric": "minisblack",
                "planarconfig": "separate",
                "compression": "zlib",
                "tile": (16, 16),
            },
            {"photometric": "minisblack", "byteorder": ">"},  # a page for each channel
        ],
    )
    def test_bands_and_pages_are_channels(self, kind: type, options: dict[str, object]) -> None:
        values = random(5, 18, 20, kind=np.uint8).astype(kind)
        found = read(tiff(values, **options), 5)
        assert found.dtype == kind
        assert np.array_equal(found, values)

    def test_channels_that_are_interleaved(self) -> None:
        values = random(18, 20, 6)
        data = tiff(values, photometric="minisblack", planarconfig="contig")
        assert np.array_equal(read(data, 6), values.transpose(2, 0, 1))

    def test_the_first_page_where_pages_are_no_channels(self) -> None:
        values = random(4, 18, 20)
        data = tiff(values, photometric="minisblack")
        assert np.array_equal(read(data, 1)[0], values[0])
        assert np.array_equal(read(data, 3), np.stack([values[0]] * 3))
        with pytest.raises(ImageError, match="channels: 1, the recipe has 5"):
            read(data, 5)

    def test_white_is_high_also_where_the_file_has_it_as_zero(self) -> None:
        values = random(18, 20)
        assert np.array_equal(read(tiff(values, photometric="miniswhite"), 1)[0], 65535 - values)

    def test_what_has_a_palette_transparency_or_other_compression_is_read_by_pillow(self) -> None:
        pytest.importorskip("tifffile")
        colour = Image.fromarray(random(18, 20, 3, kind=np.uint8))
        for image, options in (
            (colour.quantize(16), {}), (colour.convert("CMYK"), {}), (colour, {"compression": "tiff_lzw"}),
            (colour.convert("RGBA"), {}),
        ):  # fmt: skip
            out = io.BytesIO()
            image.save(out, "TIFF", **options)
            with Image.open(out) as again:
                expected = np.asarray(again.convert("RGB"))
            assert np.array_equal(read(out.getvalue(), 3), expected.transpose(2, 0, 1)), image.mode

    def test_forty_thousand_squared_is_refused_by_its_header(self) -> None:
        """In no time, and without memory for it, by tifffile and by Pillow."""
        out = io.BytesIO()
        pytest.importorskip("tifffile").imwrite(
            out, shape=(40_000, 40_000), dtype=np.uint16, compression="zlib", rowsperstrip=40_000,
            data=iter([b"x" * 50]), photometric="minisblack",
        )  # fmt: skip
        for config in (ImageConfig(channels=5), ImageConfig(channels=1, keep=True), ImageConfig(channels=1)):
            tracemalloc.start()
            began = time.monotonic()
            (reason,) = check_images([out.getvalue()], LIMITS, config)
            assert time.monotonic() - began < 2
            assert tracemalloc.get_traced_memory()[1] < 5e6
            tracemalloc.stop()
            assert str(reason).startswith("too many pixels"), reason

    def test_cut_and_broken_files_are_bad_samples(self) -> None:
        good = tiff(random(5, 40, 40), photometric="minisblack", planarconfig="separate", compression="zlib")
        wrong = [good[:400], good[: len(good) // 2], good[:8] + bytes(200), b"II*\0"]
        wrong += [good[:200] + bytes([byte]) * 900 + good[1100:] for byte in (0, 85, 255)]
        reasons = check_images([*wrong, good], LIMITS, ImageConfig(channels=5))
        assert all(reasons[:-1]), reasons
        assert reasons[-1] is None
        assert all("\n" not in str(reason) and len(str(reason)) < 300 for reason in reasons)

    def test_every_other_page_is_a_sample(self) -> None:
        values = random(5, 18, 20)
        found = dict(pages(tiff(values, photometric="minisblack"), 2, 10_000))
        assert list(found) == [0, 2, 4]
        for number, data in found.items():
            assert np.array_equal(np.load(io.BytesIO(data)), values[number])
        with pytest.raises(ValueError, match="too many pixels: 20 x 18, allowed 100"):
            list(pages(tiff(values, photometric="minisblack"), 1, 100))
        with pytest.raises(ValueError, match="unreadable"):
            list(pages(b"II*\0", 1, 100))

    def test_without_tifffile_the_reason_names_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = tiff(random(5, 18, 20), photometric="minisblack")
        monkeypatch.setitem(image_file.MODULES, "TIFF", "no_such_module")
        assert check_images([data], LIMITS, ImageConfig(channels=5)) == [
            "TIFF needs tifffile (pip install 'selfsup[medical]')"
        ]
        with pytest.raises(ValueError, match="TIFF needs tifffile"):
            list(pages(data, 1, 10_000))
