import base64
import io
import re

import numpy as np
import pytest
import soundfile
from PIL import Image

from components.modalities.sound.decode import stored
from components.modalities.sound.show import figure, played, spectrogram, waveform
from tests.components.modalities.sound.toys import tone


def data_of(html: str, kind: str) -> bytes:
    found = re.search(rf'data:{kind};base64,([^"]+)"', html)
    assert found
    return base64.b64decode(found[1])


def test_a_sound_can_be_seen_and_heard() -> None:
    html = figure(stored(tone(1.0, pitch=1_000).T), 8_000, 64)
    frames, rate = soundfile.read(io.BytesIO(data_of(html, "audio/mpeg")))
    assert rate == 8_000
    assert len(frames) == pytest.approx(8_000, abs=1_200)
    assert np.abs(np.fft.rfft(frames[1000:5000])).argmax() == 500  # 1,000 Hz at 2 Hz a line
    image = Image.open(io.BytesIO(data_of(html, "image/png")))
    assert image.size == (80, 48)
    assert "<audio controls" in html
    assert "<svg" in html
    assert len(html) < 8_000


def test_the_player_holds_little_of_a_long_sound() -> None:
    copy = played(np.random.default_rng(0).normal(0, 0.2, 48_000 * 30).astype(np.float32), 48_000)
    frames, rate = soundfile.read(io.BytesIO(copy))
    assert rate == 16_000
    assert len(frames) == pytest.approx(6 * 16_000, abs=2_500)
    assert len(copy) < 60_000


def test_low_rates_are_played_at_one_that_mp3_has() -> None:
    assert soundfile.info(io.BytesIO(played(np.zeros(500, np.float32), 1_000))).samplerate == 8_000
    assert soundfile.info(io.BytesIO(played(np.zeros(500, np.float32), 12_000))).samplerate == 11_025


def test_the_spectrogram_has_high_frequencies_above() -> None:
    for pitch, row in ((250, 1 - 250 / 4000), (3_500, 1 - 3_500 / 4000)):
        grey = spectrogram(tone(1.0, pitch=pitch)[:, 0], 8_000)
        darkest = grey.mean(axis=1).argmin() / (len(grey) - 1)
        assert darkest == pytest.approx(row, abs=0.02)
    assert spectrogram(np.zeros(10, np.float32), 8_000).size > 0


def test_the_waveform_is_lowest_to_highest_of_each_column() -> None:
    svg = waveform(np.array([0.5, -0.5, 0.25, 0.0], np.float32), 2)
    assert 'viewBox="0 0 2 28"' in svg
    assert "M0 1.0V27.5" in svg  # from the peak, scaled to the height, to its negative
    assert "M1 7.5V14.5" in svg
    assert waveform(np.zeros(3, np.float32), 160).count("M") == 3
