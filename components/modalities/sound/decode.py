"""Encoded sounds to frames: any format of libsndfile, any rate, read by blocks.

What is used of a long sound is cut out before it is resampled, so memory does not grow with its length. Resampling:
soxr at its high quality. Letters: n frames, C channels.
"""

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr

from components.arrays import Floats
from components.modalities.sound.config import Cut, SoundConfig
from components.modalities.sound.packed import GAP, Frames

BLOCK = 1 << 16  # frames that are read at a time
SCALE = 1 << 15  # an int16 frame of 16-bit audio is stored as it is
SLOWEST, FASTEST = 1_000, 768_000  # Hz; a header with another rate is wrong
COMPLETE = 0.98  # share of the announced frames; a lossy file with a damaged place gives a few less
WINDOW = 0.05  # seconds between two places where the loudest part may begin
NAMED = 160  # characters of a decoder's message
HEADS = (b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b".snd")


class SoundError(ValueError):
    """Not a sound that can be used; the message is the reason of a quarantine, in one line."""


class Heard(NamedTuple):
    """What a sound is, of all that it holds. rate: Hz. peak: largest distance from the mean of a channel, 1 is full
    scale. clipped: share of the frames at full scale."""

    rate: int
    channels: int
    seconds: float
    peak: float
    clipped: float


def is_sound(head: bytes) -> bool:
    """Whether a file with these first bytes is of a known format."""
    if head[:4] in (b"RIFF", b"RF64"):
        return head[8:12] == b"WAVE"
    if head[:4] == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC")
    return head.startswith(HEADS)


def listen(data: bytes, longest: float = np.inf) -> Heard:
    """Read a sound to its end, by blocks.

    longest: seconds; of a longer one no frame is read.

    Raises:
        SoundError: empty, not a sound, wrong rate, too long, truncated, unreadable, or not finite.
    """
    with opened(data) as sound:
        rate, channels, frames = sound.samplerate, sound.channels, sound.frames
        if frames > longest * rate:
            raise SoundError(
                f"too long: {frames / rate:,.6g} s, allowed {longest:,.6g}; cut it into several sounds, or raise"
                " max_seconds"
            )
        total, low, high = np.zeros(channels), np.full(channels, np.inf), np.full(channels, -np.inf)
        read = clipped = 0
        for block in blocks(sound):
            if not np.isfinite(block).all():
                raise SoundError("not finite: frames that are infinite or not a number")
            read += len(block)
            total += block.sum(axis=0, dtype=np.float64)
            low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
            clipped += int((np.abs(block) >= 1 - 1 / SCALE).any(axis=1).sum())
    if read == 0:
        raise SoundError("empty: no frames")
    announced = max(frames, riff_frames(data))
    if read < COMPLETE * announced:
        raise SoundError(f"truncated: {read:,} of {announced:,} frames")
    mean = total / read
    peak = float(np.maximum(high - mean, mean - low).max())
    return Heard(rate, channels, read / rate, peak, clipped / read)


def decode(data: bytes, config: SoundConfig) -> Frames:
    """[C, n] int16 of an encoded sound: the part that config.cut names, at config.rate, n at most config.length.

    Raises:
        SoundError: as `listen`, as far as it is read.
    """
    with opened(data) as sound:
        part, rate = _part(sound, config), sound.samplerate
    if not len(part):
        raise SoundError("empty: no frames")
    if not np.isfinite(part).all():
        raise SoundError("not finite: frames that are infinite or not a number")
    resampled = part if rate == config.rate else soxr.resample(part, rate, config.rate)
    return stored(mixed(resampled, config.channels)[: config.length].T)


def mixed(frames: Floats, channels: int) -> Floats:
    """[n, c] -> [n, channels]: their mean for 1, else the first ones, the last repeated where there are fewer."""
    if channels == 1:
        return np.asarray(frames.mean(axis=1, keepdims=True), dtype=np.float32)
    return frames[:, np.minimum(np.arange(channels), frames.shape[1] - 1)]


def stored(values: Floats) -> Frames:
    """Values in [-1, 1] as int16; what is beyond is clipped. 0.5: 16384."""
    return np.clip(np.rint(values * SCALE), GAP + 1, SCALE - 1).astype(np.int16)


def encode(frames: Frames, rate: int) -> bytes:
    """int16 [C, n] as a WAV file, which `decode` with the same rate and channels gives back."""
    out = io.BytesIO()
    soundfile.write(out, frames.T, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def opened(data: bytes) -> Any:
    """An open sound.

    Raises:
        SoundError: it is empty or none, or its rate is wrong.
    """
    if not data:
        raise SoundError("empty")
    try:
        sound = soundfile.SoundFile(io.BytesIO(data))
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError) as error:
        raise SoundError(f"not a sound: {_message(error)}") from None
    if not SLOWEST <= sound.samplerate <= FASTEST:
        rate = sound.samplerate
        sound.close()
        raise SoundError(f"wrong rate: {rate:,} Hz, allowed {SLOWEST:,} to {FASTEST:,}")
    return sound


def blocks(sound: Any, frames: int = -1) -> Iterator[Floats]:
    """float32 [n, C] of an open sound from where it stands, BLOCK frames at a time. frames: at most so many; -1: all.

    Raises:
        SoundError: the decoder fails.
    """
    while frames:
        try:
            block = sound.read(BLOCK if frames < 0 else min(BLOCK, frames), dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise SoundError(f"unreadable: {_message(error)}") from None
        if not len(block):
            return
        frames -= len(block) if frames > 0 else 0
        yield block


def riff_frames(data: bytes) -> int:
    """Frames that the header of a WAV file announces; 0 where it is none or leaves it open.

    libsndfile takes a data chunk that is longer than the file for one that ends with it.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return 0
    place, align = 12, 0
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if name == b"fmt ":
            align = int.from_bytes(data[place + 20 : place + 22], "little")
        if name == b"data":
            return size // align if align and size < 0x7FFFF000 else 0
        place += 8 + size + size % 2
    return 0


def begins(data: Floats, window: int) -> int:
    """Where the `window` values of the largest sum begin; the first such place. [0, 1, 3, 3, 1], 2: 2."""
    sums = np.concatenate([[0.0], np.cumsum(data, dtype=np.float64)])
    return int(np.argmax(sums[window:] - sums[:-window])) if len(data) > window else 0


def _part(sound: Any, config: SoundConfig) -> Floats:
    """[n, c] float32: what is used of an open sound, at its own rate."""
    wanted = int(np.ceil(config.seconds * sound.samplerate))
    first = _first(sound, wanted, config.cut) if sound.frames > wanted else 0
    try:
        sound.seek(first)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise SoundError(f"unreadable: {_message(error)}") from None
    found = list(blocks(sound, wanted))
    return np.concatenate(found) if found else np.zeros((0, sound.channels), np.float32)


def _first(sound: Any, wanted: int, cut: Cut) -> int:
    if cut == "begin":
        return 0
    if cut == "middle":
        return int(sound.frames - wanted) // 2
    step = max(1, round(WINDOW * sound.samplerate))
    energy = [
        float(np.square(sound_part - sound_part.mean(axis=0), dtype=np.float64).sum())
        for sound_part in _steps(sound, step)
    ]
    place = begins(np.array(energy, np.float32), max(1, wanted // step)) * step
    return int(min(place, sound.frames - wanted))


def _steps(sound: Any, step: int) -> Iterator[Floats]:
    """All of an open sound, `step` frames at a time."""
    left = np.zeros((0, sound.channels), np.float32)
    for block in blocks(sound):
        left = np.concatenate([left, block])
        whole = len(left) // step * step
        yield from (left[start : start + step] for start in range(0, whole, step))
        left = left[whole:]
    if len(left):
        yield left


def _message(error: Exception) -> str:
    """The decoder's own words, without the object that it was given."""
    return " ".join(str(error).rpartition("Error : ")[2].rpartition(">: ")[2].split())[:NAMED]
