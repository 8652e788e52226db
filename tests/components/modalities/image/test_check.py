"""Every way in which bytes can fail to be a usable image, and that the good ones pass and decode."""

import io
import random
import struct
import warnings
import zlib

import pytest
from PIL import Image

from components.data.reader import kind_of
from components.modalities.image.check import check_images, png_damage
from components.modalities.image.config import ImageConfig, ImageLimits
from components.modalities.image.pack import decode

LIMITS = ImageLimits(max_bytes=100_000, max_pixels=1_000_000, min_side=4)


def encoded(mode: str = "L", size: tuple[int, int] = (28, 28), form: str = "PNG", **options: object) -> bytes:
    noise = random.Random(0).randbytes(size[0] * size[1] * 3)
    image = Image.frombytes("RGB", size, noise).convert(mode)
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def check_image(data: bytes, limits: ImageLimits) -> str | None:
    return check_images([data], limits)[0]


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA"])
def test_any_mode_of_png_is_good(mode: str) -> None:
    assert check_image(encoded(mode), LIMITS) is None


def test_sixteen_bits_are_good() -> None:
    out = io.BytesIO()
    Image.frombytes("I;16", (28, 28), random.Random(0).randbytes(28 * 28 * 2)).save(out, "PNG")
    assert check_image(out.getvalue(), LIMITS) is None


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_every_format_is_good(form: str) -> None:
    assert check_image(encoded("RGB", (40, 30), form), LIMITS) is None


def test_of_a_moving_image_the_first_frame_is_enough() -> None:
    frames = [Image.new("L", (16, 16), value) for value in (0, 128, 255)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert check_image(out.getvalue(), LIMITS) is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"just some text, called x.png", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (bytes(LIMITS.max_bytes + 1), "too large a file"),
        (encoded()[:-300], "truncated"),
        (encoded("RGB", (64, 64), "JPEG")[:-500], "truncated"),
        (encoded(size=(3, 28)), "too small"),
        (encoded(size=(28, 1)), "too small"),
        (png_that_claims(1001, 1000), "too many pixels"),
        (png_that_claims(10_000, 10_000), "too many pixels"),  # Pillow warns here
        (png_that_claims(2**31 - 1, 2**31 - 1), "too many pixels"),  # and raises here
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named(data: bytes, kind: str) -> None:
    reason = check_image(data, LIMITS)
    assert reason is not None
    assert kind_of(reason) == kind
    assert "\n" not in reason


def test_the_bounds_themselves_are_good() -> None:
    data = encoded(size=(4, 4))
    tight = ImageLimits(max_bytes=len(data), max_pixels=16, min_side=4)
    assert check_image(data, tight) is None
    assert check_image(data, tight.model_copy(update={"max_bytes": len(data) - 1})) is not None
    assert check_image(data, tight.model_copy(update={"max_pixels": 15})) is not None


def test_a_bomb_is_judged_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: Image.Image) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", explode)
    assert kind_of(check_image(png_that_claims(1001, 1000), LIMITS) or "") == "too many pixels"
    assert kind_of(check_image(encoded(), LIMITS) or "") == "unreadable"  # the guard itself does bite


@pytest.mark.parametrize(
    "place", [0.5, -13]
)  # in the pixels; in their checksum, which decoding never looks at
def test_a_flipped_bit_in_a_png_is_seen(place: float) -> None:
    data = bytearray(encoded())
    data[int(len(data) * place) if place > 0 else int(place)] ^= 1
    assert kind_of(check_image(bytes(data), LIMITS) or "") in ("unreadable", "truncated")


def test_warnings_leak_under_no_filter() -> None:
    for action in ("error", "always"):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter(action)  # type: ignore[arg-type]
            assert check_image(png_that_claims(10_000, 10_000), ImageLimits()) is not None
            assert check_image(encoded(), LIMITS) is None
        assert seen == []


@pytest.mark.parametrize("size", [(28, 28), (120, 120)])  # without and with threads
def test_a_batch_is_answered_in_order(size: tuple[int, int]) -> None:
    good = encoded("RGB", size)
    limits = ImageLimits()
    assert check_images([good, b"", good, b"text" * 9, good], limits) == [
        None,
        "empty",
        None,
        "not an image",
        None,
    ]
    assert check_images([], limits) == []


def test_whatever_comes_it_never_raises_and_what_passes_can_be_decoded() -> None:
    chance = random.Random(1)
    sources = [
        encoded("RGB", (20, 20), form) for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
    ]
    passed = 0
    for turn in range(1400):
        data = bytearray(sources[turn % len(sources)])
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        broken = bytes(data[: chance.choice((None, None, chance.randrange(len(data))))])
        if check_image(broken, LIMITS) is None:
            passed += 1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert decode(broken, ImageConfig(size=16, channels=3)).shape == (3, 16, 16)
    assert 200 < passed < 1200


def test_every_chunk_of_a_png_must_have_its_checksum_and_the_last_one_must_be_there() -> None:
    data = encoded("P")
    assert png_damage(data) is None
    assert png_damage(data + b"rest") is None
    assert png_damage(data[:-12]) == "broken PNG file (no end)"
    assert png_damage(data[:-1]) == "broken PNG file (no end)"
    assert png_damage(b"") == "broken PNG file (no end)"
    place, kinds = 8, []
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        kinds.append(kind)
        last = place + size + 11  # of the checksum
        wrong = data[:last] + bytes([data[last] ^ 1]) + data[last + 1 :]
        assert png_damage(wrong) == f"broken PNG file (bad checksum in {kind!r})"
        place = last + 1
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    too_long = data[:-12] + struct.pack(">I4sI", 4, b"IEND", 0)  # its checksum would lie behind the file
    assert png_damage(too_long) == "broken PNG file (bad checksum in b'IEND')"
