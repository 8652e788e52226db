"""Build the anomaly example's data from the shuttle data in the Python package river (BSD licence, see LICENSE); run by
hand, its results are kept.

    python recipes/anomaly/build.py shuttle.csv.gz [--target recipes/anomaly]

The source is a CSV file of 49,097 rows with nine sensor readings and whether a row is an anomaly. The order is that of
the SHA-256 of a salt and the row: a shuffle that needs no random generator.
"""

import argparse
import csv
import gzip
import hashlib
from pathlib import Path

TRAIN, TEST, SECOND = 12_000, 6_000, 4_000
LABELLED = 0.01  # share of the anomalies among the training rows whose label is given
CLASS, KEY = "anomaly", "row"
SALT = b"selfsup anomaly"
NAMES = {"0": "normal", "1": "anomaly"}


def read(source: Path) -> list[dict[str, str]]:
    """The rows in the order of their digests."""
    with gzip.open(source, "rt", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return sorted(rows, key=lambda row: hashlib.sha256(SALT + "\0".join(row.values()).encode()).digest())


def write(rows: list[dict[str, str]], file: Path, start: int) -> None:
    names = [KEY, *(name for name in rows[0] if name != CLASS)]
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({KEY: f"row-{start + number:05}", **row} for number, row in enumerate(rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--target", type=Path, default=Path("recipes/anomaly"))
    arguments = parser.parse_args()
    rows, target = read(arguments.source), arguments.target
    (target / "inbox").mkdir(parents=True, exist_ok=True)
    first, second = rows[: TRAIN + TEST], rows[TRAIN + TEST : TRAIN + TEST + SECOND]
    write(first, target / "inbox" / "2026-01-first.csv", 0)
    write(second, target / "second.csv", len(first))
    odd = [number for number in range(TRAIN) if first[number][CLASS] == "1"]
    named = [(number, "train") for number in odd[: round(LABELLED * len(odd))]]
    named += [(number, "test") for number in range(TRAIN, TRAIN + TEST)]
    labels = [(f"row-{number:05}", NAMES[first[number][CLASS]], split) for number, split in named]
    with (target / "inbox" / "labels.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("name", "label", "split"), *labels])


if __name__ == "__main__":
    main()
