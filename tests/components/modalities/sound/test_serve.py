from base64 import b64encode

import numpy as np
import pytest

from components.modalities.sound.decode import encode
from components.modalities.sound.serve import to_sample
from tests.components.modalities.sound.toys import encoded, tone

ROW = np.array([[0, 16384, -16384, 32767]], np.int16)


def test_encoded_sounds_come_as_bytes_or_base64() -> None:
    data = encoded(tone(0.1), format="FLAC")
    assert to_sample(data, 8_000, 1) == data
    assert to_sample(bytearray(data), 8_000, 1) == data
    assert to_sample(b64encode(data).decode(), 8_000, 1) == data


@pytest.mark.parametrize(
    "value", [ROW, ROW[0], ROW.tolist(), ROW[0].tolist(), ROW / 32768, (ROW[0] / 32768).tolist()]
)
def test_waveforms_are_as_the_file_of_their_frames(value) -> None:
    assert to_sample(value, 8_000, 1) == encode(ROW, 8_000)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("not base64!", "in base64 is required, got other text"),
        ([[1.0, 2.0], [3.0]], "channels of one length"),
        (np.zeros((2, 5)), "1 x n numbers at 8000 Hz is required, got shape"),
        ([], "got shape"),
        ([float("nan")], "finite"),
        ([40_000, 0], "must be int16, got 0 to 40000"),
        (["a"], "got shape"),
        (3, "got int"),
    ],
)
def test_what_is_none_is_refused(value, why) -> None:
    with pytest.raises(ValueError, match=why):
        to_sample(value, 8_000, 1)
