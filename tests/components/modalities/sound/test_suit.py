import json

import numpy as np

from components.modalities.sound.config import SoundConfig
from components.modalities.sound.suit import SoundLook, speed_of
from tests.components.modalities.sound.toys import encoded, tone


def look(*given: bytes, config: SoundConfig | None = None) -> SoundLook:
    made = SoundLook(config or SoundConfig())
    made.add(list(given))
    return made


def short(count: int, seconds: float, rate: int = 16_000, channels: int = 1) -> list[bytes]:
    return [encoded(tone(seconds, rate, 200.0 + 10 * k, channels), rate) for k in range(count)]


def suited(made: SoundLook) -> dict:
    return dict(json.loads(made.suited(1000).modality))


def test_the_length_holds_nearly_all_of_them_whole() -> None:
    assert suited(look(*short(20, 0.6)))["seconds"] == 0.75
    assert suited(look(*short(20, 0.5)))["seconds"] == 0.5
    assert suited(look(*short(20, 0.05)))["seconds"] == 0.25
    long = look(*short(4, 9.0))
    assert suited(long)["seconds"] == 8.0
    assert long.suited(10).why == "the middle of each sound"
    assert look(*short(4, 0.6)).suited(10).why == "95 % of the sounds have at most 0.75 s"


def test_the_rate_follows_what_there_is_to_hear() -> None:
    assert suited(look(*short(3, 0.3, 8_000)))["rate"] == 8_000
    assert suited(look(*short(3, 0.3, 44_100)))["rate"] == 16_000
    assert suited(look(*short(3, 0.3, 44_100), config=SoundConfig(rate=22_050)))["rate"] == 22_050


def test_what_a_person_is_told() -> None:
    made = look(*short(3, 0.5, 8_000), *short(1, 1.0, 16_000, channels=2), b"words")
    assert made.good == 4
    lines = made.lines()
    assert lines[0] == "0.50 to 1.00 s, median 0.50, 95 % at most 0.92"
    assert lines[1] == "rates: 8,000 Hz (3), 16,000 Hz (1)"
    assert lines[2] == "1 sound with several channels: mixed down to their mean"


def test_sounds_that_are_all_the_same_are_useless() -> None:
    one = encoded(tone(0.3))
    assert str(look(one, one).useless).startswith("are the same sound")
    assert look(one).useless is None
    assert look(one, *short(1, 0.3)).useless is None


def test_speed_falls_with_length_and_rate() -> None:
    assert speed_of(16_000, 2.0) == speed_of(16_000, 1.0) / 2
    assert speed_of(8_000, 1.0) == 2 * speed_of(16_000, 1.0)
    assert np.isfinite(speed_of(1_000, 0.25))
