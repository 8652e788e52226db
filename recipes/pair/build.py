"""Build the example of pairs from OpenMoji 17.0.0 (CC BY-SA 4.0, see LICENSE); run by hand, its results are kept.

    npm pack openmoji@17.0.0 && tar xf openmoji-17.0.0.tgz
    PYTHONPATH=. python recipes/pair/build.py --source package [--target recipes/pair]

Needs rsvg-convert (Debian package librsvg2-bin): the package holds SVG alone. A picture is rendered with 72 x 72 pixels
on white and reduced to 64 colours. Its caption is the annotation, then those of its tags that are not yet in it; its
class is the group of the Unicode standard. Pictures of OpenMoji's own groups (`extras`) and parts of others
(`component`) come without a class; variants of another skin tone are left out. The order is that of the SHA-256 of a
salt and the code of the picture.
"""

import argparse
import csv
import hashlib
import io
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from components.modalities.pair.container import join

SIDE, COLOURS = 72, 64
TEST, SECOND, PER_CLASS = 450, 250, 10
SALT = b"selfsup pair"
OWN = ("extras-openmoji", "extras-unicode", "component")


def read(source: Path) -> list[dict[str, Any]]:
    """The pictures, in the order of their digests, with `caption` and `class` ("" for OpenMoji's own)."""
    found = [one for one in json.loads((source / "data/openmoji.json").read_text()) if not one["skintone"]]
    for one in found:
        words = [one["annotation"], *f"{one['tags']}, {one['openmoji_tags']}".split(",")]
        one["caption"] = ", ".join(dict.fromkeys(word.strip() for word in words if word.strip()))
        one["class"] = "" if one["group"] in OWN else one["group"].replace("-", " ")
    return sorted(found, key=lambda one: hashlib.sha256(SALT + one["hexcode"].encode()).digest())


def picture(source: Path, code: str) -> bytes:
    """PNG, 72 x 72, of 64 colours."""
    command = ["rsvg-convert", "-w", str(SIDE), "-h", str(SIDE), "-b", "white"]
    made = subprocess.run(
        [*command, str(source / f"color/svg/{code}.svg")], check=True, capture_output=True
    ).stdout
    out = io.BytesIO()
    with Image.open(io.BytesIO(made)) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def write(rows: list[dict[str, Any]], file: Path) -> None:
    columns = {
        "image": [one["image"] for one in rows],
        "text": [one["caption"] for one in rows],
        "name": [one["hexcode"] for one in rows],
    }
    pq.write_table(pa.table(columns), file, compression="zstd", compression_level=19, row_group_size=512)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--target", type=Path, default=Path("recipes/pair"))
    arguments = parser.parse_args()
    rows, target = read(arguments.source), arguments.target
    with ThreadPoolExecutor() as pool:
        images = pool.map(lambda one: picture(arguments.source, one["hexcode"]), rows)
        for one, image in zip(rows, images, strict=True):
            one["image"] = image
    (target / "inbox").mkdir(parents=True, exist_ok=True)
    named = [one for one in rows if one["class"]]
    test, second = named[:TEST], named[TEST : TEST + SECOND]
    later = {one["hexcode"] for one in second}
    first = [one for one in rows if one["hexcode"] not in later]
    write(first, target / "inbox" / "2026-01-first.parquet")
    write(second, target / "second.parquet")
    labels = [(one["hexcode"], one["class"], "test") for one in test]
    given = dict.fromkeys(sorted({one["class"] for one in named}), 0)
    for one in named[TEST + SECOND :]:
        if given[one["class"]] < PER_CLASS:
            given[one["class"]] += 1
            labels.append((one["hexcode"], one["class"], "train"))
    with (target / "inbox" / "labels.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows([("name", "label", "split"), *labels])
    known = {code for code, _, _ in labels}
    rest = [one for one in named if one["hexcode"] not in known]
    ids = [hashlib.sha256(join(one["image"], one["caption"].encode())).hexdigest() for one in rest]
    truth = pa.table({"id": ids, "label": [one["class"] for one in rest]})
    pq.write_table(truth, target / "truth.parquet", compression="zstd", compression_level=19)


if __name__ == "__main__":
    main()
