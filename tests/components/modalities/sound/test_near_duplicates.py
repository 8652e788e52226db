from pathlib import Path

import numpy as np
import pytest

from components.modalities.sound.config import SoundConfig
from components.modalities.sound.near_duplicates import course, groups, similarity
from components.modalities.sound.packed import PackedSounds
from tests.components.modalities.sound.test_pack import pack
from tests.components.modalities.sound.toys import encoded, tone

CONFIG = SoundConfig(rate=16_000, seconds=1.0)


def recording(seed: int, seconds: float = 0.8) -> np.ndarray:
    """Noise with bursts: what two recordings of one place have in common is no wave."""
    random = np.random.default_rng(seed)
    x = np.convolve(random.normal(0, 0.1, round(16_000 * seconds)), np.ones(4) / 4, "same")
    return (x * (1 + 2 * np.sin(np.arange(len(x)) / 1500 + seed) ** 8))[:, None].astype(np.float32)


def packed(given: list[bytes], folder: Path) -> PackedSounds:
    return pack(given, folder, CONFIG)[1]


def test_a_recording_that_was_saved_again_is_the_same(tmp_path: Path) -> None:
    given = [encoded(recording(seed), 16_000) for seed in range(6)]
    given += [
        encoded(recording(0), 16_000, "FLAC"),
        encoded(recording(1), 16_000, "MP3"),
        encoded(recording(2), 16_000, "OGG"),
        encoded(0.4 * recording(3), 16_000),
        encoded(np.repeat(recording(4), 2, axis=1), 16_000),
    ]
    assert groups(packed(given, tmp_path)).tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4]


def test_sounds_that_are_alike_are_not_the_same(tmp_path: Path) -> None:
    steady = [np.random.default_rng(k).normal(0, 0.1, (8_000, 1)).astype(np.float32) for k in range(5)]
    tones = [tone(0.5, 16_000, 300.0 + 10 * k) for k in range(5)]
    assert groups(packed([encoded(x, 16_000) for x in steady + tones], tmp_path)).tolist() == list(range(10))


def test_the_correlation_of_two_sounds() -> None:
    a = np.array([[1, 2, 3, 4]], np.int16)
    assert similarity(a, 2 * a) == pytest.approx(1)
    assert similarity(a, -a) == pytest.approx(-1)
    b = np.array([[2, 1, 4, 3]], np.int16)
    assert similarity(a, b) == pytest.approx(np.corrcoef(a[0], b[0])[0, 1])
    assert similarity(a, np.repeat(a, 2, axis=1)) == 0
    assert similarity(a, 0 * a) == 0


def test_the_course_of_a_sound() -> None:
    x = np.full((1, 120), 1_000, np.int16)
    x[:, 60:] = 500
    x[:, 110:] = 0
    assert course(x).tolist() == pytest.approx([0] * 6 + [20 * np.log10(0.5)] * 5 + [-20], abs=1e-4)
    assert course(np.ones((1, 3), np.int16)).shape == (12,)
