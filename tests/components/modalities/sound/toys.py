"""Small sounds as files."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import soundfile


def tone(seconds=0.5, rate=8_000, pitch=440.0, channels=1, level=0.5):
    """[n, channels] float32: a sine; of every further channel an octave higher."""
    time = np.arange(round(seconds * rate)) / rate
    return np.stack(
        [level * np.sin(2 * np.pi * pitch * 2**c * time) for c in range(channels)], axis=1
    ).astype(np.float32)


def encoded(frames, rate=8_000, format="WAV", subtype=None):
    out = io.BytesIO()
    soundfile.write(out, frames, rate, format=format, subtype=subtype)
    return out.getvalue()


def batches(given: list[bytes], size: int = 5) -> Callable[[], Iterator[list[bytes]]]:
    def made() -> Iterator[list[bytes]]:
        for start in range(0, len(given), size):
            yield given[start : start + size]

    return made
