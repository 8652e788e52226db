import io
import struct
from unittest.mock import patch

import numpy as np
import pytest
import soundfile

from components.modalities.sound import decode as module
from components.modalities.sound.config import SoundConfig
from components.modalities.sound.decode import (
    SoundError,
    begins,
    decode,
    encode,
    is_sound,
    listen,
    mixed,
    riff_frames,
    stored,
)
from tests.components.modalities.sound.toys import encoded, tone

AS_IS = SoundConfig(rate=8_000, seconds=2)
FORMATS = [
    ("WAV", None),
    ("FLAC", None),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", None),
    ("AIFF", None),
    ("AU", None),
]


def test_sixteen_bits_are_stored_as_they_are():
    frames = np.array([[0], [1], [-1], [32767], [-32767], [-32768]], np.int16)
    assert decode(encoded(frames), AS_IS).tolist() == [[0, 1, -1, 32767, -32767, -32767]]
    assert stored(np.array([[0.5, 2.0, -2.0]], np.float32)).tolist() == [[16384, 32767, -32767]]


@pytest.mark.parametrize(("format", "subtype"), FORMATS)
def test_every_format_is_the_same_sound(format, subtype):
    x = tone(0.5, rate=16_000, pitch=300)
    data = encoded(x, 16_000, format, subtype)
    assert is_sound(data[:64])
    found = decode(data, SoundConfig(rate=16_000, seconds=0.5))[0] / 32768
    assert abs(len(found) - 8000) <= 400
    middle = slice(2000, 6000)
    spectrum = np.abs(np.fft.rfft(found[middle]))
    assert spectrum.argmax() == 75  # 300 Hz at 4 Hz a line
    assert np.abs(found[middle]).max() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("rate", [4_000, 11_025, 44_100, 48_000, 96_000])
def test_any_rate_becomes_the_recipes(rate):
    x = tone(1.0, rate=rate, pitch=500)
    found = decode(encoded(x, rate), AS_IS)[0] / 32768
    assert len(found) == 8000
    expected = tone(1.0, rate=8_000, pitch=500)[:, 0]
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=2e-3)


def test_what_is_above_half_the_rate_is_gone():
    found = decode(encoded(tone(1.0, rate=32_000, pitch=6_000), 32_000), AS_IS) / 32768
    assert np.abs(found[:, 500:-500]).max() < 1e-3  # it is not heard at 2,000 Hz


def test_channels_are_mixed_or_kept():
    three = np.array([[0.1, 0.3, 0.5]], np.float32)
    np.testing.assert_allclose(mixed(three, 1), [[0.3]])
    assert mixed(three, 2).tolist() == three[:, :2].tolist()
    assert mixed(three, 5).tolist() == [[*three[0].tolist(), three[0, 2], three[0, 2]]]
    data = encoded(tone(0.1, channels=2))
    kept = decode(data, AS_IS.model_copy(update={"channels": 2})).astype(int)
    one = decode(data, AS_IS)
    assert kept.shape == (2, 800)
    np.testing.assert_allclose(one[0], kept.mean(axis=0), atol=1)


@pytest.mark.parametrize(("cut", "first"), [("begin", 0), ("middle", 12_000), ("loudest", 16_000)])
def test_the_part_that_is_used(cut, first):
    """Four seconds; the loudest part is from 2.0 to 3.0."""
    x = tone(4.0, level=0.1)
    x[16_000:24_000] *= 5
    found = decode(encoded(x), SoundConfig(rate=8_000, seconds=1, cut=cut))
    expected = stored(x[first : first + 8000].T)
    assert found.shape == (1, 8000)
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_the_loudest_part_is_that_of_the_largest_sum():
    assert begins(np.array([0, 1, 3, 3, 1], np.float32), 2) == 2
    assert begins(np.array([5, 1], np.float32), 2) == 0
    random = np.random.default_rng(0).random(50).astype(np.float32)
    assert begins(random, 7) == max(range(44), key=lambda k: random[k : k + 7].sum())


def test_a_constant_is_no_loud_part():
    x = tone(4.0, level=0.1)
    x[:8_000] += 0.5
    x[20_000:28_000] *= 4
    found = decode(encoded(x), SoundConfig(rate=8_000, seconds=1, cut="loudest"))
    assert np.abs(found.astype(int) - stored(x[20_000:28_000].T)).max() <= 1


def test_what_is_heard_of_a_sound():
    x = np.full((1000, 2), 0.8, np.float32)  # a constant is no level
    x[:, 1] = 0.5 * (-1.0) ** np.arange(1000)
    heard = listen(encoded(x, 2_000))
    assert (heard.rate, heard.channels, heard.seconds) == (2_000, 2, 0.5)
    assert heard.peak == pytest.approx(0.5, abs=1e-3)
    assert heard.clipped == 0
    x[:100, 0] = 1.0
    assert listen(encoded(x, 2_000)).clipped == pytest.approx(0.1)


def test_a_long_sound_is_read_by_blocks():
    """Two hours of silence with a tone in the middle, in a FLAC of 0.1 MB: memory holds a block, not the sound."""
    rate, out = 8_000, io.BytesIO()
    with soundfile.SoundFile(out, "w", rate, 1, format="FLAC", subtype="PCM_16") as sound:
        for minute in range(120):
            sound.write(tone(60.0, rate) if minute == 60 else np.zeros((60 * rate, 1), np.float32))
    data, sizes = out.getvalue(), []
    original = soundfile.SoundFile.read

    def read(self, frames=-1, *given, **named):
        sizes.append(frames)
        return original(self, frames, *given, **named)

    with patch.object(soundfile.SoundFile, "read", read):
        assert listen(data).seconds == 7200
        middle = decode(data, SoundConfig(rate=rate, seconds=1))
        loud = decode(data, SoundConfig(rate=rate, seconds=1, cut="loudest"))
    assert min(sizes) > 0
    assert max(sizes) <= module.BLOCK
    assert np.abs(middle).max() > 10_000
    assert np.abs(loud).max() > 10_000
    with pytest.raises(SoundError, match=r"too long: 7,200 s, allowed 600; cut it into several sounds"):
        listen(data, 600)


def wav(**header):
    """A WAV file with some fields of its header changed."""
    data = bytearray(encoded(tone(0.1)))
    for place, kind, value in header.values():
        struct.pack_into(kind, data, place, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (encoded(np.zeros((0, 1), np.float32)), "empty: no frames"),
        (b"these are words, in a file that is called a.wav", "not a sound: Format not recognised"),
        (b"RIFF\0\0\0\0WAVE", "not a sound"),
        (wav(rate=(24, "<I", 0)), "not a sound"),
        (wav(rate=(24, "<I", 10_000_000)), "wrong rate: 10,000,000 Hz, allowed 1,000 to 768,000"),
        (wav(rate=(24, "<I", 10)), "wrong rate: 10 Hz"),
        (encoded(tone(1.0))[:-8000], "truncated: 4,000 of 8,000 frames"),
        (encoded(tone(1.0), format="FLAC")[:2000], "unreadable: flac decoder lost sync"),
        (encoded(np.full((100, 1), np.nan, np.float32), subtype="FLOAT"), "not finite"),
        (encoded(np.full((100, 1), np.inf, np.float32), subtype="FLOAT"), "not finite"),
    ],
)  # fmt: skip
def test_what_is_no_sound_is_refused_in_a_line(data, reason):
    with pytest.raises(SoundError) as error:
        listen(data)
    assert str(error.value).startswith(reason)
    assert "\n" not in str(error.value)
    assert "BytesIO" not in str(error.value)


def test_bytes_at_random_never_raise_another_error():
    random = np.random.default_rng(0)
    good = {name: encoded(tone(0.3), format=name) for name in ("WAV", "FLAC", "OGG")}
    for number in range(60):
        data = bytearray(list(good.values())[number % 3])
        for place in random.integers(0, len(data), 8):
            data[place] = random.integers(256)
        for use in (listen, lambda data: decode(data, AS_IS)):
            try:
                use(bytes(data))
            except SoundError as error:
                assert str(error)  # noqa: PT017


def test_what_a_header_announces():
    assert riff_frames(encoded(tone(0.1, channels=2))) == 800
    assert riff_frames(wav(size=(40, "<I", 0xFFFFFFFF))) == 0  # a stream whose length was not known
    assert riff_frames(encoded(tone(0.1), format="FLAC")) == 0
    assert riff_frames(b"RIFF\0\0\0\0WAVEdata\x08\0\0\0") == 0
    assert listen(wav(size=(40, "<I", 0xFFFFFFFF))).seconds == pytest.approx(0.1, abs=0.01)


def test_a_row_comes_back_from_its_file():
    row = np.random.default_rng(0).integers(-32767, 32768, (2, 500)).astype(np.int16)
    config = SoundConfig(rate=8_000, channels=2)
    np.testing.assert_array_equal(decode(encode(row, 8_000), config), row)


def test_heads():
    assert not is_sound(b"RIFF\0\0\0\0AVI ")
    assert not is_sound(b"hello, world")
    assert not is_sound("ÿþ".encode("utf-16"))
    assert not is_sound(b"")
