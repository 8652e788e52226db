import numpy as np

from components.modalities.sound.check import check_sounds, examine
from components.modalities.sound.config import SoundLimits
from tests.components.modalities.sound.toys import encoded, tone

LIMITS = SoundLimits(max_seconds=2)


def reason(data: bytes, limits: SoundLimits = LIMITS) -> str | None:
    return check_sounds([data], limits)[0]


def test_good_sounds_stay():
    assert check_sounds([encoded(tone(0.5)), encoded(tone(2.0), format="FLAC")], LIMITS) == [None, None]


def test_too_large_too_long_too_short():
    data = encoded(tone(0.5))
    assert reason(data, SoundLimits(max_bytes=len(data))) is None
    assert reason(data, SoundLimits(max_bytes=len(data) - 1)) == (
        f"too large a file: {len(data)} bytes, allowed {len(data) - 1}"
    )
    assert reason(encoded(tone(2.001))) == (
        "too long: 2.001 s, allowed 2; cut it into several sounds, or raise max_seconds"
    )
    assert reason(encoded(tone(0.02))) is None
    assert reason(encoded(tone(0.015))) == "too short: 0.015 s, needed 0.02"


def test_silence():
    zeros = np.zeros((4000, 2), np.float32)
    assert reason(encoded(zeros)) == "silent: its peak is -200 dB of full scale, needed -80"
    assert (
        reason(encoded(zeros + 0.5)) == "silent: its peak is -200 dB of full scale, needed -80"
    )  # a constant
    quiet = encoded(tone(0.5, level=0.001))
    assert reason(quiet) is None
    assert reason(quiet, SoundLimits(min_level=-50)) == "silent: its peak is -60 dB of full scale, needed -50"


def test_clipping():
    x = np.clip(2 * tone(0.5, level=1.0), -1, 1)  # of a sine, two thirds are above half its height
    assert reason(encoded(x)) == "clipped: 67 % of its frames are at full scale, allowed 20 %"
    assert reason(encoded(x), SoundLimits(max_clipped=0.7)) is None
    assert reason(encoded(tone(0.5, level=1.0))) is None  # a few frames at its peaks


def test_every_sample_has_its_own_reason_in_order():
    found = check_sounds([b"", encoded(tone(0.5)), b"words"], LIMITS)
    assert found[0] == "empty"
    assert found[1] is None
    assert str(found[2]).startswith("not a sound")


def test_what_is_heard_of_good_ones():
    heard, bad = examine([encoded(tone(0.5, channels=2)), b""], LIMITS)
    assert not isinstance(heard, str)
    assert (heard.rate, heard.channels, heard.seconds) == (8_000, 2, 0.5)
    assert bad == "empty"
