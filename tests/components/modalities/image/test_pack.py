import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.errors import UserError
from components.modalities.image.config import ImageConfig
from components.modalities.image.pack import PackedImages, decode, pack, statistics

GREY8 = ImageConfig(size=8, channels=1)
RGB8 = ImageConfig(size=8, channels=3)


def encoded(image, kind="PNG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_the_right_size_is_not_resampled():
    grey, colour = noise(8, 8), noise(8, 8, 3)
    assert np.array_equal(decode(encoded(Image.fromarray(grey)), GREY8), grey[None])
    assert np.array_equal(decode(encoded(Image.fromarray(colour)), RGB8), colour.transpose(2, 0, 1))


def test_grey_becomes_three_equal_channels_and_colour_its_luma():
    grey, colour = noise(8, 8), noise(8, 8, 3)
    assert np.array_equal(decode(encoded(Image.fromarray(grey)), RGB8), np.stack([grey] * 3))
    luma = colour @ np.array([0.299, 0.587, 0.114])
    assert np.abs(decode(encoded(Image.fromarray(colour)), GREY8)[0] - luma).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(24, 8), (8, 24), (9, 8), (8, 11)])
def test_the_centre_is_cut_out(width, height):
    pixels = noise(height, width)
    got = decode(encoded(Image.fromarray(pixels)), GREY8)[0]
    if (width - height) % 2 == 0:
        top, left = (height - 8) // 2, (width - 8) // 2
        assert np.array_equal(got, pixels[top : top + 8, left : left + 8])
    assert got.shape == (8, 8)


def test_the_whole_short_side_is_used():
    """Left third black, the rest white, twice as wide as high: the centre square is 1/6 black."""
    pixels = np.full((120, 240), 255, np.uint8)
    pixels[:, :80] = 0
    got = decode(encoded(Image.fromarray(pixels)), ImageConfig(size=12, channels=1))[0]
    assert (got[:, :1] < 10).all()
    assert (got[:, 4:] > 245).all()


def test_reduction_averages_rather_than_skips():
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    got = decode(encoded(Image.fromarray(board)), GREY8)
    assert abs(float(got.mean()) - 127.5) < 3
    assert got.std() < 5


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "I", "F"]
)
def test_every_mode_gives_the_same_mid_grey(mode):
    if mode == "1":
        image, value = Image.new("1", (8, 8), 1), 255
    elif mode in ("I;16", "I"):
        image, value = Image.fromarray(np.full((8, 8), 128 * 257, np.uint16)), 128
        image = image if mode == "I;16" else image.convert("I")
    elif mode == "F":
        image, value = Image.fromarray(np.full((8, 8), 128 / 255, np.float32)), 128
    elif mode == "LAB":
        image, value = Image.new("LAB", (8, 8), (137, 128, 128)), 128  # L* 53.6
    else:
        image, value = Image.new("L", (8, 8), 128), 128
        image = (
            image.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr", "HSV") else image.convert(mode)
        )
    kind = "TIFF" if mode in ("CMYK", "YCbCr", "LAB", "I", "F") else "PNG"
    if mode in ("PA", "HSV"):
        image = image.convert("RGBA" if mode == "PA" else "RGB")
    for config in (GREY8, RGB8):
        got = decode(encoded(image, kind), config)
        assert got.shape == (config.channels, 8, 8)
        assert np.abs(got.astype(int) - value).max() <= 3, got[:, 0, 0]


def test_sixteen_bits_are_scaled_not_cut_off():
    ramp = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    got = decode(encoded(Image.fromarray(ramp)), GREY8)[0]
    assert np.abs(got - ramp / 257).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_white(mode):
    if mode == "P":
        image = Image.new("P", (8, 8), 0)
        image.putpalette([0, 0, 0, 255, 0, 0])
        data = encoded(image, transparency=0)
    else:
        data = encoded(Image.new(mode, (8, 8), (0,) * len(mode)))
    assert (decode(data, RGB8) == 255).all()


def test_half_transparent_black_on_white_is_grey():
    got = decode(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 128))), RGB8)
    assert np.abs(got.astype(int) - 127).max() <= 1


def test_palette_colours_are_looked_up():
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    assert decode(encoded(image), RGB8)[:, 3, 3].tolist() == [200, 100, 50]


def test_exif_orientation_is_obeyed():
    pixels = noise(8, 8)
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise to be upright
    assert np.array_equal(decode(encoded(image, exif=exif), GREY8)[0], np.rot90(pixels, -1))


def test_a_large_jpeg_keeps_its_content():
    pixels = np.zeros((1600, 1600, 3), np.uint8)
    pixels[:800, :, 0], pixels[800:, :, 2] = 200, 200
    got = decode(encoded(Image.fromarray(pixels), "JPEG", quality=95), ImageConfig(size=16))
    assert np.abs(got[:, 2, 8].astype(int) - [200, 0, 0]).max() < 12
    assert np.abs(got[:, 13, 8].astype(int) - [0, 0, 200]).max() < 12


def bomb():
    """A PNG of a few bytes whose header promises 60,000 x 60,000 pixels."""
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data", [b"", b"a text file named .png", encoded(Image.fromarray(noise(64, 64)))[:900], bomb()]
)
def test_unreadable_bytes_are_a_value_error(data):
    with pytest.raises(ValueError, match=r"not an image|truncated|too many pixels"):
        decode(data, GREY8)


def batches(data, size=512):
    return (data[start : start + size] for start in range(0, len(data), size))


def test_pack_writes_the_decoded_images(tmp_path):
    images = noise(1300, 8, 8, 3)
    data = [encoded(Image.fromarray(i)) for i in images]
    shares = []
    packed = pack(batches(data), 1300, RGB8, tmp_path / "images.npy", workers=2, progress=shares.append)
    written = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert written.dtype == np.uint8
    assert np.array_equal(written, images.transpose(0, 3, 1, 2))
    assert packed == PackedImages(samples=1300)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_statistics_are_exact(monkeypatch):
    images = noise(1300, 3, 8, 8)
    rows = np.flatnonzero(np.arange(1300) % 3 > 0)
    kept = images[rows].astype(np.float64) / 255
    for size in (1 << 10, 1 << 30):  # in many parts, and in one
        monkeypatch.setattr("components.modalities.image.pack.CHUNK", size)
        mean, std = statistics(images, rows)
        assert np.allclose(mean, kept.mean((0, 2, 3)), rtol=1e-12)
        assert np.allclose(std, kept.std((0, 2, 3)), rtol=1e-9)


def test_a_constant_channel_has_nothing_to_scale():
    images = np.zeros((20, 3, 8, 8), np.uint8)
    images[:, 2] = noise(20, 8, 8)
    mean, std = statistics(images, np.arange(20))
    assert mean[:2] == [0, 0]
    assert std == [1, 1, pytest.approx((images[:, 2] / 255).std())]


def test_images_of_one_single_colour_are_refused():
    grey = np.full((5, 1, 8, 8), 90, np.uint8)
    with pytest.raises(UserError, match=r"all 5 training samples are the same single colour \(90 of 255\)"):
        statistics(grey, np.arange(5))
    grey[0] = 100
    statistics(grey, np.arange(5))  # they differ, though each is flat


def test_pack_gives_the_same_bytes_with_any_number_of_threads(tmp_path):
    data = [encoded(Image.fromarray(i)) for i in noise(700, 9, 12)]
    for workers in (1, 3):
        pack(batches(data), 700, GREY8, tmp_path / f"{workers}.npy", workers=workers)
    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "3.npy").read_bytes()


def test_pack_leaves_out_what_cannot_be_decoded_and_says_why(tmp_path):
    images = noise(5, 8, 8)
    data = [encoded(Image.fromarray(i)) for i in images]
    data[1], data[4] = b"broken", data[4][:70]
    packed = pack(batches(data, 2), 5, GREY8, tmp_path / "images.npy")
    assert packed.samples == 3
    assert packed.unreadable[1] == "not an image"
    assert packed.unreadable[4].startswith("truncated")
    assert np.array_equal(np.load(tmp_path / "images.npy")[:, 0], images[[0, 2, 3]])


def grey(values, kind="TIFF"):
    return encoded(Image.fromarray(values), kind)


def ramp(low, high, dtype):
    return np.linspace(low, high, 64).reshape(8, 8).astype(dtype)


@pytest.mark.parametrize(
    ("low", "high", "dtype", "kind"),
    [(0, 4095, np.uint16, "TIFF"), (0, 1023, np.uint16, "PNG"), (0, 1.02, np.float32, "TIFF"),
     (-1000, 3000, np.float32, "TIFF"), (0, 256, np.int32, "TIFF")],
)  # fmt: skip
def test_grey_of_more_than_8_bits_is_scaled_by_one_range(tmp_path, low, high, dtype, kind):
    """The second image has half the values of the first, so half its brightness, and both use all 256 levels."""
    first, second = ramp(low, high, dtype), ramp(low, (low + high) / 2, dtype)
    packed = pack([[grey(first, kind), grey(second, kind)]], 2, GREY8, tmp_path / "images.npy")
    images = np.load(tmp_path / "images.npy")[:, 0].astype(int)
    assert packed.range == pytest.approx((low, high), abs=0.01 * (high - low))
    assert (images[0].min(), images[0].max()) == (0, 255)
    assert len(np.unique(images[0])) == 64
    assert np.abs(images[1].ravel() - np.linspace(0, 127.5, 64)).max() <= 3
    assert packed.outside < 0.05


def test_the_range_comes_from_the_first_batch_that_needs_one_and_stays(tmp_path):
    """So a later delivery changes no earlier row; what it clips is counted."""
    eight, dark, bright = grey(noise(8, 8)), grey(ramp(0, 1000, np.uint16)), grey(ramp(0, 2000, np.uint16))
    one = pack([[eight], [dark]], 2, GREY8, tmp_path / "1.npy")
    two = pack([[eight], [dark], [bright]], 3, GREY8, tmp_path / "2.npy")
    assert one.range == two.range == pytest.approx((0, 1000), abs=4)
    assert np.array_equal(np.load(tmp_path / "1.npy"), np.load(tmp_path / "2.npy")[:2])
    assert two.outside == pytest.approx(0.25, abs=0.03)  # half of one of two
    named = ImageConfig(size=8, channels=1, range=(0, 2000))
    assert pack([[dark, bright]], 2, named, tmp_path / "3.npy").range == (0, 2000)
    assert np.load(tmp_path / "3.npy")[0].max() == 128


def test_a_value_that_is_not_there_changes_no_other(tmp_path):
    whole = ramp(0, 1, np.float32)
    holed = whole.copy()
    holed[3, 3], holed[4, 4] = np.nan, np.inf
    config = ImageConfig(size=8, channels=1, range=(0, 1))
    one, other = decode(grey(whole), config)[0], decode(grey(holed), config)[0]
    there = np.isfinite(holed)
    assert np.array_equal(one[there], other[there])
    assert abs(int(other[3, 3]) - 127) <= 2  # the mean of the others
    with pytest.raises(ValueError, match="every pixel is NaN"):
        decode(grey(np.full((8, 8), np.nan, np.float32)), config)


def test_a_hot_pixel_does_not_darken_the_image(tmp_path):
    values = np.tile(ramp(0, 1000, np.uint16), (8, 8))
    values[0, 0] = 65535
    packed = pack([[grey(values)]], 1, GREY8, tmp_path / "images.npy")
    assert packed.range == pytest.approx((0, 1000), abs=5)


def test_a_range_without_a_width_is_refused():
    with pytest.raises(ValueError, match=r"range must be \[lowest, highest\]"):
        ImageConfig(range=(5, 5))


def test_pack_refuses_before_the_disk_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(UserError, match="no room on the disk"):
        pack([[b""]], 1, GREY8, tmp_path / "images.npy")


def test_decoding_and_packing_need_no_torch():
    for module, heavy in (
        ("image.modality", {"torch", "pandas", "pyarrow"}),
        ("registry", {"torch", "pandas"}),
    ):
        code = f"import sys, components.modalities.{module}; assert not {heavy} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True)


def test_deep_colour_has_the_one_range_of_the_data_set(tmp_path: Path) -> None:
    from tests.components.modalities.image.test_file import png16

    dark, bright = (np.full((8, 8, 3), (low, low + 500, low + 1000), np.uint16) for low in (0, 1000))
    found = pack([[png16(dark, 2), png16(bright, 2)]], 2, ImageConfig(size=8), tmp_path / "x.npy")
    assert found.range == (0, 2000)
    pixels = np.load(tmp_path / "x.npy")[:, :, 0, 0]
    assert pixels.tolist() == [[0, 64, 128], [128, 191, 255]]
