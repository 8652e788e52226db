"""Sounds as log-mel spectrograms: spoken letters by language, notes by instrument, spoken digits.

Letters: T samples of a sound at RATE, F frequencies, M mel bands.
"""

import importlib
import re
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import resample_poly

from benchmarks.unseen.image_set import Images, ImageSet
from benchmarks.unseen.packages import Package, debian
from benchmarks.unseen.sets.midi import PITCHES, SECONDS_A_NOTE, VELOCITIES, song
from benchmarks.unseen.split import hold_out
from components.arrays import Pixels

SOUNDFILE = Package("PyPI", "soundfile", "soundfile.py")
KLETTRES = debian("klettres-data", "usr/share/klettres")
SOUNDFONT = debian("timgm6mb-soundfont", "usr/share/sounds/sf2/TimGM6mb.sf2")
FLUIDSYNTH = debian("fluidsynth", "usr/bin/fluidsynth")
ESPEAK = debian("espeak-ng", "usr/bin/espeak-ng")

RATE = 16_000
BANDS = FRAMES = 48
WINDOW = 512
DECIBELS = 60.0  # range shown, below the loudest point
CLIPS_A_LANGUAGE = 40  # at least
INSTRUMENTS = {
    "piano": 0, "celesta": 8, "glockenspiel": 9, "vibraphone": 11, "marimba": 12, "church organ": 19,
    "accordion": 21, "nylon guitar": 24, "electric guitar": 27, "distortion guitar": 30, "violin": 40,
    "cello": 42, "harp": 46, "timpani": 47, "strings": 48, "choir": 52, "trumpet": 56, "trombone": 57,
    "saxophone": 65, "oboe": 68, "clarinet": 71, "flute": 73, "sitar": 104, "banjo": 105,
}  # fmt: skip
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
ACCENTS = ("en-us", "en-gb-scotland")  # with en-gb the variants change nothing

Sound = NDArray[np.float64]


def spectrogram(sound: Sound, seconds: float) -> Pixels:
    """Log-mel spectrogram [M, FRAMES] of the first `seconds` after silence, loud is white, low is at the bottom."""
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    length = round(seconds * RATE)
    part = np.zeros(length)
    kept = sound[loud[0] : loud[0] + length]
    part[: len(kept)] = kept
    step = (length - WINDOW) / (FRAMES - 1)
    starts = np.round(np.arange(FRAMES) * step).astype(int)
    frames = part[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    level = 10 * np.log10(power @ mel_filters().T + 1e-10)
    shown = np.clip((level - level.max()) / DECIBELS + 1, 0, 1)
    return np.asarray(np.round(255 * shown.T[::-1]), dtype=np.uint8)


def mel_filters() -> NDArray[np.float64]:
    """Triangular filters [M, F], evenly spaced on the mel scale from 60 Hz to 7.6 kHz."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (60, 7600))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(WINDOW, 1 / RATE)
    left, middle, right = (edges[k : k + BANDS, None] for k in range(3))
    rising, falling = (frequencies - left) / (middle - left), (right - frequencies) / (right - middle)
    return np.clip(np.minimum(rising, falling), 0, None)


def at_rate(sound: NDArray[Any], rate: int) -> Sound:
    """Mono at RATE. sound: [T] or [T, channels], integer or float."""
    mono = np.asarray(sound, dtype=np.float64)
    mono = mono.mean(axis=1) if mono.ndim == 2 else mono
    ratio = Fraction(RATE, rate)
    return np.asarray(resample_poly(mono, ratio.numerator, ratio.denominator))


def languages(seed: int, folder: Path) -> Images:
    soundfile = _soundfile(folder)
    clips = {
        place.name: sorted(place.rglob("*.ogg"))
        for place in sorted(KLETTRES.path(folder).iterdir())
        if place.is_dir()
    }
    classes = [name for name, files in clips.items() if len(files) >= CLIPS_A_LANGUAGE]
    images, labels = [], []
    for label, name in enumerate(classes):
        for file in clips[name]:
            sound, rate = soundfile.read(str(file))
            if np.abs(sound).max() > 0:
                images.append(spectrogram(at_rate(sound, rate), 0.8))
                labels.append(label)
    known = np.array(labels, dtype=np.int64)
    return Images(np.stack(images), known, classes, hold_out(range(len(known)), seed, within=known))


def _soundfile(folder: Path) -> Any:
    """The module soundfile out of the folder of the benchmark."""
    place = str(SOUNDFILE.path(folder).parent)
    sys.path.append(place)
    try:
        return importlib.import_module("soundfile")
    finally:
        sys.path.remove(place)


def instruments(seed: int, folder: Path) -> Images:
    with tempfile.TemporaryDirectory() as scratch:
        midi, wave = Path(scratch) / "notes.mid", Path(scratch) / "notes.wav"
        midi.write_bytes(song(list(INSTRUMENTS.values())))
        _run(FLUIDSYNTH, "-ni", "-q", "-g", "0.5", "-R", "0", "-C", "0", "-r", str(RATE),
             "-F", str(wave), str(SOUNDFONT.path(folder)), str(midi))  # fmt: skip
        rate, sound = wavfile.read(wave)
    mono, length = at_rate(sound, rate), round(SECONDS_A_NOTE * RATE)
    images, labels, pitches = [], [], []
    number = 0
    for label in range(len(INSTRUMENTS)):
        for pitch in PITCHES:
            for _ in VELOCITIES:
                images.append(spectrogram(mono[number * length : (number + 1) * length], 0.6))
                labels.append(label)
                pitches.append(pitch)
                number += 1
    test = hold_out(pitches, seed)
    return Images(np.stack(images), np.array(labels, dtype=np.int64), list(INSTRUMENTS), test)


def spoken_digits(seed: int, folder: Path) -> Images:
    listing = _run(ESPEAK, "--voices=variant").decode()
    variants = sorted(set(re.findall(r"!v/(\S+)", listing)))
    images, labels, groups = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "word.wav"
        for variant in variants:
            for accent in ACCENTS:
                for label, word in enumerate(WORDS):
                    _run(ESPEAK, "-v", f"{accent}+{variant}", "-w", str(file), word)
                    rate, sound = wavfile.read(file)
                    images.append(spectrogram(at_rate(sound, rate), 0.7))
                    labels.append(label)
                    groups.append(re.sub(r"\d+$", "", variant.lower()))
    return Images(np.stack(images), np.array(labels, dtype=np.int64), WORDS, hold_out(groups, seed))


def _run(program: Package, *arguments: str) -> bytes:
    command = [str(program.path(Path())), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


SPECTROGRAMS = (
    ImageSet(
        name="languages",
        licence="GPL-2+",
        packages=(KLETTRES, SOUNDFILE),
        half="development",
        build=languages,
        task="Spectrograms of spoken letters and syllables by language, one speaker or few each; imbalanced.",
        split="30 % of each language at random; the speakers are the same, the recordings are not.",
    ),
    ImageSet(
        name="instruments",
        licence="GPL-2 (sound font)",
        packages=(SOUNDFONT, FLUIDSYNTH),
        half="development",
        build=instruments,
        task="Spectrograms of single notes by instrument, 36 pitches in two strengths each.",
        split="30 % of the pitches; training has notes a semitone away.",
    ),
    ImageSet(
        name="spoken-digits",
        licence="GPL-3+ (synthesiser)",
        packages=(ESPEAK,),
        half="final",
        build=spoken_digits,
        task="Spectrograms of English digits that eSpeak NG speaks in some 100 voices and two accents.",
        split="30 % of the voices, numbered variants of one voice together.",
    ),
)
