"""Build the table example's data from credit_data of the R package modeldata (MIT licence, see LICENSE); run by hand,
its results are kept.

    python recipes/table/build.py credit_data.csv [--target recipes/table]

The source is the data frame as CSV: 4,454 loans with 13 attributes, and whether they were repaid (Status). The order is
that of the SHA-256 of a salt and the row: a shuffle that needs no random generator, in which a row that occurs twice is
dropped.
"""

import argparse
import csv
import hashlib
from pathlib import Path

FIRST, TEST, PER_CLASS = 2_600, 1_000, 50
CLASS, KEY = "Status", "loan"
SALT = b"selfsup table"


def read(source: Path) -> list[dict[str, str]]:
    """The rows in the order of their digests, each once, whatever its class."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found: dict[bytes, dict[str, str]] = {}
    for row in rows:
        values = "\0".join(value for name, value in row.items() if name != CLASS)
        found.setdefault(hashlib.sha256(SALT + values.encode()).digest(), row)
    return [found[digest] for digest in sorted(found)]


def write(rows: list[dict[str, str]], file: Path, start: int) -> None:
    names = [KEY, *(name for name in rows[0] if name != CLASS)]
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({KEY: f"loan-{start + number:05}", **row} for number, row in enumerate(rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--target", type=Path, default=Path("recipes/table"))
    arguments = parser.parse_args()
    rows, target = read(arguments.source), arguments.target
    (target / "inbox").mkdir(parents=True, exist_ok=True)
    first, second = rows[: FIRST + TEST], rows[FIRST + TEST :]
    write(first, target / "inbox" / "2026-01-first.csv", 0)
    write(second, target / "second.csv", len(first))
    labels, given = list[tuple[str, str, str]](), dict[str, int]()
    for number, row in enumerate(first):
        name, label = f"loan-{number:05}", row[CLASS]
        if number >= FIRST:
            labels.append((name, label, "test"))
        elif given.setdefault(label, 0) < PER_CLASS:
            given[label] += 1
            labels.append((name, label, "train"))
    with (target / "inbox" / "labels.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("name", "label", "split"), *labels])


if __name__ == "__main__":
    main()
