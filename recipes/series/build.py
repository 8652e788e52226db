"""Build the series example's data from Japanese Vowels (UCI Machine Learning Repository, CC BY 4.0, see LICENSE); run
by hand, its results are kept.

    python recipes/series/build.py FOLDER [--target recipes/series]

FOLDER holds JapaneseVowels_TRAIN.ts and JapaneseVowels_TEST.ts, as the package aeon carries them: 640 utterances of 12
channels and 7 to 29 time steps, by nine speakers. Both parts together are put into the order of the SHA-256 of a salt
and the values: a shuffle that needs no random generator. So recordings of all speakers are in every part, and the split
is not the published one.
"""

import argparse
import csv
import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.arrays import Doubles
from components.modalities.series.ts_file import read_ts

FIRST, TEST, PER_CLASS = 360, 200, 3
SALT = b"selfsup series"


def read(folder: Path) -> list[tuple[Doubles, str]]:
    """(values [T, C], speaker) in the order of their digests, each series once."""
    found: dict[bytes, tuple[Doubles, str]] = {}
    for part in ("TRAIN", "TEST"):
        for line in read_ts(folder / f"JapaneseVowels_{part}.ts"):
            assert not isinstance(line.values, str), line.values
            digest = hashlib.sha256(SALT + line.values.astype("<f4").tobytes()).digest()
            found[digest] = line.values, f"speaker {line.label}"
    return [found[digest] for digest in sorted(found)]


def name_of(number: int) -> str:
    return f"utterance-{number:04}"


def write(series: list[tuple[Doubles, str]], file: Path, start: int) -> None:
    """A long table: a row a time step."""
    names, times, values = list[str](), list[int](), list[Doubles]()
    for number, (one, _) in enumerate(series, start=start):
        names += [name_of(number)] * len(one)
        times += range(len(one))
        values.append(one)
    whole = np.concatenate(values).astype(np.float32)
    channels = {f"coefficient_{place + 1:02}": whole[:, place] for place in range(whole.shape[1])}
    table = pa.table({"utterance": names, "time": pa.array(times, pa.int32()), **channels})
    pq.write_table(table, file, compression="zstd", compression_level=9)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--target", type=Path, default=Path("recipes/series"))
    arguments = parser.parse_args()
    series, target = read(arguments.source), arguments.target
    (target / "inbox").mkdir(parents=True, exist_ok=True)
    first, second = series[: FIRST + TEST], series[FIRST + TEST :]
    write(first, target / "inbox" / "2026-01-first.parquet", 0)
    write(second, target / "second.parquet", len(first))
    labels, given = list[tuple[str, str, str]](), dict[str, int]()
    for number, (_, label) in enumerate(first):
        if number >= FIRST:
            labels.append((name_of(number), label, "test"))
        elif given.setdefault(label, 0) < PER_CLASS:
            given[label] += 1
            labels.append((name_of(number), label, "train"))
    with (target / "inbox" / "labels.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("name", "label", "split"), *labels])


if __name__ == "__main__":
    main()
