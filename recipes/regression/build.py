"""Build the regression example's data from ames of the R package modeldata (MIT licence, see LICENSE); run by hand, its
results are kept.

    python recipes/regression/build.py ames.csv [--target recipes/regression]

The source is the data frame as CSV: 2,930 houses sold in Ames, Iowa, with 73 attributes, and what each was sold for
(Sale_Price, US dollars). The order is that of the SHA-256 of a salt and the row: a shuffle that needs no random
generator, in which a row that occurs twice is dropped.
"""

import argparse
import csv
import hashlib
from pathlib import Path

FIRST, TEST, LABELS = 1_600, 700, 100
TARGET, KEY = "Sale_Price", "house"
SALT = b"selfsup regression"


def read(source: Path) -> list[dict[str, str]]:
    """The rows in the order of their digests, each once, whatever its price."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found: dict[bytes, dict[str, str]] = {}
    for row in rows:
        values = "\0".join(value for name, value in row.items() if name != TARGET)
        found.setdefault(hashlib.sha256(SALT + values.encode()).digest(), row)
    return [found[digest] for digest in sorted(found)]


def write(rows: list[dict[str, str]], file: Path, start: int) -> None:
    names = [KEY, *(name for name in rows[0] if name != TARGET)]
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({KEY: f"house-{start + number:04}", **row} for number, row in enumerate(rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--target", type=Path, default=Path("recipes/regression"))
    arguments = parser.parse_args()
    rows, target = read(arguments.source), arguments.target
    (target / "inbox").mkdir(parents=True, exist_ok=True)
    first, second = rows[: FIRST + TEST], rows[FIRST + TEST :]
    write(first, target / "inbox" / "2026-01-first.csv", 0)
    write(second, target / "second.csv", len(first))
    labels = [
        (f"house-{number:04}", row[TARGET], "test" if number >= FIRST else "train")
        for number, row in enumerate(first)
        if number < LABELS or number >= FIRST
    ]
    with (target / "inbox" / "labels.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("name", "label", "split"), *labels])


if __name__ == "__main__":
    main()
