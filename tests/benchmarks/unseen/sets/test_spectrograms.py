import numpy as np
import pytest

from benchmarks.unseen.sets.midi import PITCHES, VELOCITIES, length, song
from benchmarks.unseen.sets.spectrograms import BANDS, FRAMES, RATE, at_rate, mel_filters, spectrogram


def tone(hertz, seconds=1.0, rate=RATE):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize(("hertz", "low", "high"), [(250, 36, 47), (1000, 22, 32), (6000, 0, 8)])
def test_a_tone_is_a_line_at_its_height_low_at_the_bottom(hertz, low, high):
    image = spectrogram(tone(hertz), 0.8)
    assert image.shape == (BANDS, FRAMES)
    assert image.max() == 255
    bright = image.mean(axis=1).argmax()
    assert low <= bright <= high
    assert mel_filters()[BANDS - 1 - bright].argmax() * RATE / 512 == pytest.approx(
        hertz, abs=32 + 0.05 * hertz
    )


def test_silence_before_a_sound_is_left_out_and_after_it_is_black():
    sound = np.concatenate([np.zeros(5000), tone(1000, 0.4), np.zeros(9000)])
    image = spectrogram(sound, 0.8)
    columns = image.max(axis=0)
    assert columns[0] > 200
    assert (columns[: FRAMES // 2 - 3] > 200).all()
    assert (columns[FRAMES // 2 + 3 :] == 0).all()


def test_any_rate_and_several_channels_become_mono_at_16_khz():
    stereo = np.stack([tone(500, rate=44_100), tone(500, rate=44_100)], axis=1)
    sound = at_rate(stereo, 44_100)
    assert len(sound) == RATE
    assert np.abs(sound - tone(500))[200:-200].max() < 0.01


def test_a_length_has_seven_bits_a_byte():
    assert [length(value).hex() for value in (0, 127, 128, 200, 16_384)] == [
        "00",
        "7f",
        "8100",
        "8148",
        "818000",
    ]


def test_a_song_plays_each_pitch_of_each_instrument_in_each_strength():
    data = song([0, 40])
    assert data[:14] == b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 1, 0xE0])
    assert int.from_bytes(data[18:22]) == len(data) - 22
    assert data.count(bytes([0x90, 60, 110])) == 2
    assert data.count(b"\x80") >= 2 * len(PITCHES) * len(VELOCITIES)
    assert data[-3:] == b"\xff\x2f\x00"
