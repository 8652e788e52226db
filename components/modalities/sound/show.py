"""A sound in a page: its waveform, its spectrogram, and a player that holds it.

Letters: C channels, n frames, F frames of a spectrogram, K frequencies.
"""

import base64
import io

import numpy as np
import soundfile
import soxr
from PIL import Image

from components.arrays import Floats, Pixels
from components.modalities.sound.decode import SCALE
from components.modalities.sound.packed import Frames

WIDTH, WAVE, SPECTRUM = (
    160,
    28,
    48,
)  # pixels: of the narrowest sound (its player needs them), heights of the two parts
LONGEST = 6.0  # seconds of it, so that a page of many sounds stays small
GREYS = 16  # levels of grey, so that a page of many sounds stays small
RANGE = 70.0  # dB below the loudest that the spectrogram shows


def figure(frames: Frames, rate: int, size: int) -> str:
    """int16 [C, n] -> waveform above spectrogram above a player. size: width in pixels, 160 at least."""
    mono, width = frames.mean(axis=0, dtype=np.float32) / SCALE, max(size, WIDTH)
    picture = Image.fromarray(spectrogram(mono, rate)).resize(
        (width // 2, SPECTRUM), Image.Resampling.BILINEAR
    )
    picture, stream = picture.quantize(GREYS), io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    seen, heard = (_base64(data) for data in (stream.getvalue(), played(mono, rate)))
    block = "display:block;width:100%;"
    return (
        f'<div style="width:{width}px">{waveform(mono, width // 2)}'
        f'<img alt="spectrogram" style="{block}height:{SPECTRUM}px" src="data:image/png;base64,{seen}">'
        f'<audio controls preload="none" style="{block}height:28px" src="data:audio/mpeg;base64,{heard}">'
        "</audio></div>"
    )


def waveform(mono: Floats, width: int) -> str:
    """[n] in [-1, 1] as an inline SVG: lowest and highest value in each column, relative to the sound's own peak."""
    edges = np.linspace(0, len(mono), min(width, len(mono)) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(mono, edges), np.maximum.reduceat(mono, edges)
    scale = (WAVE / 2 - 1) / max(float(np.abs(mono).max()), 1e-6)
    path = "".join(
        f"M{x} {WAVE / 2 - scale * top:.1f}V{WAVE / 2 - scale * bottom + 0.5:.1f}"
        for x, (bottom, top) in enumerate(zip(low.tolist(), high.tolist(), strict=True))
    )
    return (
        f'<svg viewBox="0 0 {len(edges)} {WAVE}" preserveAspectRatio="none" style="display:block;width:100%;'
        f'height:{WAVE}px;background:#f4f4f4"><path d="{path}" stroke="#456" fill="none"/></svg>'
    )


def spectrogram(mono: Floats, rate: int) -> Pixels:
    """[n] -> uint8 [K, F] grey levels of power in dB, the loudest black, low frequencies at the bottom."""
    size = 1 << max(5, round(np.log2(0.025 * rate)))
    step = max(1, len(mono) // 200, size // 8)
    padded = np.pad(mono, (0, max(0, size - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::step]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1)))
    level = 10 * np.log10(power.T[::-1] + 1e-12)
    grey = 255 * np.clip((level.max() - level) / RANGE, 0, 1)
    return np.ascontiguousarray(grey.astype(np.uint8))


def played(mono: Floats, rate: int) -> bytes:
    """MP3, which every browser plays: its first seconds, at a rate of 16 kHz or the next lower one that MP3 has."""
    target = max((known for known in (8_000, 11_025, 16_000) if known <= rate), default=8_000)
    cut = mono[: int(LONGEST * rate)]
    copy = cut if rate == target else soxr.resample(cut, rate, target)
    out = io.BytesIO()
    soundfile.write(
        out, np.clip(copy, -1, 1), target, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.95
    )
    return out.getvalue()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
