"""Build the sound example's data from the samples of Sonic Pi (CC0, see LICENSE); run by hand, its results are kept.

    python recipes/sound/build.py [--source /usr/share/sonic-pi/samples] [--target recipes/sound]

The source folder is that of the Debian package sonic-pi-samples. A sample is a scene of one second at 8 kHz: one
recording of one of ten families at a random pitch and place, above an excerpt of a loop at a random ratio; its class is
the family. The same recordings occur in training and test, at other pitches and before other backgrounds, so this
measures how well known sounds are recognised in new surroundings, not how well unknown instruments are.
"""

import argparse
import csv
import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import soxr

FAMILIES = {
    "kick": ("bd_", "drum_bass_", "drum_heavy_kick", "elec_soft_kick", "elec_hollow_kick"),
    "snare": (
        "sn_",
        "drum_snare_",
        "elec_filt_snare",
        "elec_snare",
        "elec_hi_snare",
        "elec_lo_snare",
        "elec_mid_snare",
    ),
    "cymbal": ("drum_cymbal_", "drum_splash_", "elec_cymbal"),
    "tom": ("drum_tom_", "elec_fuzz_tom"),
    "tabla bass": ("tabla_ghe",),
    "tabla": ("tabla_na", "tabla_te", "tabla_tun", "tabla_tas"),
    "bass": ("bass_",),
    "guitar": ("guit_",),
    "bell": ("perc_bell", "elec_bell", "elec_chime", "elec_ping", "elec_triangle", "drum_cowbell"),
    "blip": ("elec_b", "elec_plip", "elec_pop", "elec_tw", "elec_flip"),
}
"""Class -> how the names of its recordings begin."""
BACKGROUND = "loop_"
UNNAMED = ("bd_mehackit", "perc_bell2", "sn_generic", "loop_3d", "loop_drone", "loop_electric", "loop_mehackit",
           "loop_perc", "loop_weirdo")  # fmt: skip
"""Recordings that the package's list of copyrights does not name one by one, and that are therefore left out."""
RATE, LENGTH = 8_000, 8_000  # Hz, frames
FIRST, TEST, SECOND, PER_CLASS = 2_400, 800, 400, 10
SEMITONES, RATIO = 4.0, (-3.0, 12.0)  # largest change of pitch; bounds of the ratio to the background in dB
Sound = np.ndarray[Any, np.dtype[np.float32]]


def read(source: Path) -> dict[str, Sound]:
    """Name -> mono recording at RATE with its silent beginning cut off, of peak 1."""
    found = {}
    for file in sorted(source.glob("*.flac")):
        if file.stem.startswith(UNNAMED):
            continue
        frames, rate = soundfile.read(file, dtype="float32", always_2d=True)
        mono = soxr.resample(frames.mean(axis=1), rate, RATE)
        loud = np.flatnonzero(np.abs(mono) > 0.02 * np.abs(mono).max())
        found[file.stem] = (mono[loud[0] :] / np.abs(mono).max()).astype(np.float32)
    return found


def family_of(name: str) -> str | None:
    """Its family; a bell is no blip, however its name begins."""
    fit = [family for family, begins in FAMILIES.items() if name.startswith(begins)]
    return next((family for family in fit if family != "blip"), fit[0] if fit else None)


def scene(random: np.random.Generator, recordings: dict[str, Sound], family: str) -> Sound:
    """[LENGTH] one event of a family above a background."""
    names = [name for name in recordings if family_of(name) == family]
    event = recordings[names[random.integers(len(names))]]
    pitch = 2 ** (random.uniform(-SEMITONES, SEMITONES) / 12)
    event = soxr.resample(event, RATE * pitch, RATE)[: int(0.8 * LENGTH)]
    start = int(random.integers(0, LENGTH // 2))
    whole = np.zeros(LENGTH, np.float32)
    part = event[: LENGTH - start]
    whole[start : start + len(part)] = part
    loops = [name for name in recordings if name.startswith(BACKGROUND)]
    loop = recordings[loops[random.integers(len(loops))]]
    begin = int(random.integers(0, max(1, len(loop) - LENGTH)))
    behind = np.resize(loop[begin:], LENGTH)
    ratio = 10 ** (-random.uniform(*RATIO) / 20)
    mixed = whole / level(part) + ratio * behind / level(behind)
    gain = random.uniform(0.2, 0.9) / np.abs(mixed).max()
    return (gain * mixed).astype(np.float32)


def level(sound: Sound) -> float:
    return float(np.sqrt(np.mean(np.square(sound)))) + 1e-6


def encoded(sound: Sound) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, sound, RATE, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.95)
    return out.getvalue()


def write(sounds: list[bytes], file: Path, start: int) -> None:
    names = [f"scene-{start + k:05}" for k in range(len(sounds))]
    table = pa.table({"audio": sounds, "name": names})
    pq.write_table(table, file, compression="zstd", compression_level=19, row_group_size=512)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, default=Path("/usr/share/sonic-pi/samples"))
    parser.add_argument("--target", type=Path, default=Path("recipes/sound"))
    arguments = parser.parse_args()
    recordings, target, random = read(arguments.source), arguments.target, np.random.default_rng(0)
    classes = list(FAMILIES)
    families = [classes[k] for k in random.integers(len(classes), size=FIRST + TEST + SECOND)]
    sounds = [encoded(scene(random, recordings, family)) for family in families]
    (target / "inbox").mkdir(parents=True, exist_ok=True)
    write(sounds[: FIRST + TEST], target / "inbox" / "2026-01-first.parquet", 0)
    write(sounds[FIRST + TEST :], target / "second.parquet", FIRST + TEST)
    labels, given = [], dict.fromkeys(classes, 0)
    for number, family in enumerate(families[: FIRST + TEST]):
        if number >= FIRST:
            labels.append((f"scene-{number:05}", family, "test"))
        elif given[family] < PER_CLASS:
            given[family] += 1
            labels.append((f"scene-{number:05}", family, "train"))
    with (target / "inbox" / "labels.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("name", "label", "split"), *labels])
    named = {name for name, _, _ in labels}
    kept = [number for number in range(len(sounds)) if f"scene-{number:05}" not in named]
    ids = [hashlib.sha256(sounds[number]).hexdigest() for number in kept]
    truth = pa.table({"id": ids, "label": [families[number] for number in kept]})
    pq.write_table(truth, target / "truth.parquet", compression="zstd", compression_level=19)


if __name__ == "__main__":
    main()
