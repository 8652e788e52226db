"""Values of requests as sounds: encoded bytes, base64, waveforms."""

import base64
from typing import Any

import numpy as np

from components.modalities.sound.decode import SCALE, encode, stored
from components.modalities.sound.packed import GAP

COLUMN = "audio"


def to_sample(value: Any, rate: int, channels: int) -> bytes:
    """Encoded bytes, base64 of them, or a waveform -> the bytes of a sample.

    A waveform: [n] or [C, n] at the model's rate and with its channels, float in [-1, 1] or int16, as an array or as
    nested lists.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except ValueError:
            raise ValueError("an encoded sound in base64 is required, got other text") from None
    if isinstance(value, np.ndarray | list):
        return _waveform(value, rate, channels)
    raise ValueError(
        f"an encoded sound, as bytes or base64, or a waveform is required, got {type(value).__name__}"
    )


def _waveform(value: Any, rate: int, channels: int) -> bytes:
    try:
        frames = np.atleast_2d(np.asarray(value))
    except ValueError:
        raise ValueError("a waveform has channels of one length, got lists of several") from None
    if (
        frames.ndim != 2
        or frames.shape[0] != channels
        or not frames.shape[1]
        or frames.dtype.kind not in "iuf"
    ):
        raise ValueError(
            f"a waveform of {channels} x n numbers at {rate} Hz is required, got shape {list(frames.shape)}"
        )
    if frames.dtype.kind == "f":
        if not np.isfinite(frames).all():
            raise ValueError("a waveform of finite numbers is required, got infinite ones or NaN")
        return encode(stored(frames.astype(np.float32)), rate)
    if frames.min() < GAP or frames.max() >= SCALE:
        raise ValueError(f"whole numbers of a waveform must be int16, got {frames.min()} to {frames.max()}")
    return encode(frames.astype(np.int16), rate)
