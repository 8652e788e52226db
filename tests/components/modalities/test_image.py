import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from components.errors import UserError
from components.modalities import MODALITIES
from components.modalities.image import ImageConfig, decode, pack

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
    with pytest.raises(ValueError, match="not a readable image"):
        decode(data, GREY8)


def test_pack_writes_the_decoded_images_and_exact_statistics(tmp_path):
    images = noise(1300, 8, 8, 3)
    data = [encoded(Image.fromarray(i)) for i in images]
    train = np.arange(1300) % 3 > 0
    shares = []
    packed = pack(iter(data), train, RGB8, tmp_path / "images.npy", workers=2, progress=shares.append)
    written = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert written.dtype == np.uint8
    assert np.array_equal(written, images.transpose(0, 3, 1, 2))
    kept = images[train].astype(np.float64) / 255
    assert packed.samples == 1300
    assert np.allclose(packed.mean, kept.mean((0, 1, 2)), rtol=1e-12)
    assert np.allclose(packed.std, kept.std((0, 1, 2)), rtol=1e-9)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_pack_gives_the_same_bytes_with_any_number_of_threads(tmp_path):
    data = [encoded(Image.fromarray(i)) for i in noise(700, 9, 12)]
    for workers in (1, 3):
        pack(data, np.ones(700, bool), GREY8, tmp_path / f"{workers}.npy", workers=workers)
    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "3.npy").read_bytes()


def test_pack_names_the_row_that_cannot_be_decoded(tmp_path):
    data = [encoded(Image.fromarray(noise(8, 8))), b"broken"]
    with pytest.raises(UserError, match="row 1: not a readable image"):
        pack(data, np.ones(2, bool), GREY8, tmp_path / "images.npy")


def test_pack_refuses_before_the_disk_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(UserError, match="no room on the disk"):
        pack([b""], np.ones(1, bool), GREY8, tmp_path / "images.npy")


def test_pack_on_a_full_disk_is_a_user_error(monkeypatch, tmp_path):
    (tmp_path / "images.npy").symlink_to("/dev/full")
    data = [encoded(Image.fromarray(i)) for i in noise(2000, 8, 8)]
    with pytest.raises(UserError, match="SELFSUP_HOME"):
        pack(data, np.ones(2000, bool), GREY8, tmp_path / "images.npy")


def test_defaults_fit_the_images():
    from components.modalities.defaults import default_view

    grey, colour = default_view(ImageConfig(size=28, channels=1)), default_view(ImageConfig(size=96))
    assert (grey.size, grey.hue, grey.grayscale) == (28, 0, 0)
    assert colour.hue > 0
    assert (colour.size, colour.blur) == (96, 0.5)


def test_decoding_and_packing_need_no_torch():
    code = "import sys, components.modalities; assert not {'torch', 'pandas', 'pyarrow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert MODALITIES["image"].ImageConfig is ImageConfig
