"""Build the text example's data from WordNet 3.0 (Princeton University, see LICENSE); run by hand, its results are
kept.

    python recipes/text/build.py [--source /usr/share/wordnet/data.noun] [--target recipes/text]

The source file is that of the Debian package wordnet-base. A sample is the gloss of a noun, its class the
lexicographer file of its synset, which the gloss does not name. The order is that of the SHA-256 of a salt and the
gloss: a shuffle that needs no random generator, and one in which a gloss that occurs twice is dropped.
"""

import argparse
import csv
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CLASSES = {
    4: "act", 5: "animal", 6: "artifact", 8: "body", 9: "cognition", 10: "communication", 13: "food", 15: "location",
    18: "person", 20: "plant",
}  # fmt: skip
"""Number of a lexicographer file -> its name (lexnames(5WN)): ten of nouns with distinct meaning and many glosses."""
FIRST, TEST, SECOND, PER_CLASS = 20_000, 2_000, 8_000, 10
SALT = b"selfsup text"


def read(source: Path) -> list[tuple[str, str]]:
    """(gloss, class) of every noun of these classes, in the order of their digests; each gloss once, and none that
    stands in two classes."""
    found: dict[str, set[str]] = {}
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            continue  # the licence
        head, _, gloss = line.partition("|")
        if (number := int(head.split()[1])) in CLASSES:
            found.setdefault(gloss.strip(), set()).add(CLASSES[number])
    clear = [(gloss, *names) for gloss, names in found.items() if gloss and len(names) == 1]
    return sorted(clear, key=lambda one: hashlib.sha256(SALT + one[0].encode()).digest())


def write(rows: list[tuple[str, str]], file: Path, start: int) -> None:
    names = [f"gloss-{start + k:06}" for k in range(len(rows))]
    table = pa.table({"text": [gloss for gloss, _ in rows], "name": names})
    pq.write_table(table, file, compression="zstd", compression_level=19, row_group_size=4096)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, default=Path("/usr/share/wordnet/data.noun"))
    parser.add_argument("--target", type=Path, default=Path("recipes/text"))
    arguments = parser.parse_args()
    rows, target = read(arguments.source), arguments.target
    (target / "inbox").mkdir(parents=True, exist_ok=True)
    first, second = rows[: FIRST + TEST], rows[FIRST + TEST : FIRST + TEST + SECOND]
    write(first, target / "inbox" / "2026-01-first.parquet", 0)
    write(second, target / "second.parquet", len(first))
    labels, given = [], dict.fromkeys(CLASSES.values(), 0)
    for number, (_, name) in enumerate(first):
        if number >= FIRST:
            labels.append((f"gloss-{number:06}", name, "test"))
        elif given[name] < PER_CLASS:
            given[name] += 1
            labels.append((f"gloss-{number:06}", name, "train"))
    with (target / "inbox" / "labels.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("name", "label", "split"), *labels])
    ids = [hashlib.sha256(gloss.encode()).hexdigest() for gloss, _ in rows[: FIRST + TEST + SECOND]]
    named = {name for name, _, _ in labels}
    known = {number for number in range(len(first)) if f"gloss-{number:06}" in named}
    kept = [number for number in range(len(ids)) if number not in known]
    truth = pa.table({"id": [ids[n] for n in kept], "label": [rows[n][1] for n in kept]})
    pq.write_table(truth, target / "truth.parquet", compression="zstd", compression_level=19)


if __name__ == "__main__":
    main()
