"""Build the quickstart's data from Fashion-MNIST (Zalando Research, MIT licence); run by hand, its results
are kept.

    python recipes/quickstart/build.py [--source /usr/share/datasets/fashion-mnist] [--target
    recipes/quickstart]

The source folder is that of the Debian package dataset-fashion-mnist: four gzipped IDX files. The order is
that of the SHA-256 of a salt and the pixels: a shuffle that needs no random generator and knows no classes,
and one in which an exact duplicate meets its twin and is dropped. Compressed sizes depend on Pillow and zlib;
the choice of images does not.
"""

import argparse
import csv
import gzip
import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
FIRST, TEST, SECOND, PER_CLASS = 16_000, 4_000, 8_000, 10
SALT = b"selfsup quickstart"


class Picture(NamedTuple):
    order: bytes
    pixels: bytes  # 28 x 28 grey values
    label: int
    test: bool


def read_idx(file: Path, header: int) -> np.ndarray:
    """The values of a gzipped IDX file, flat, uint8."""
    return np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=header)


def read(source: Path) -> list[Picture]:
    """All 70,000 pictures in their order, without exact duplicates; of twins the training one stays."""
    found: dict[bytes, Picture] = {}
    for part in ("train", "t10k"):
        images = read_idx(source / f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28 * 28)
        labels = read_idx(source / f"{part}-labels-idx1-ubyte.gz", 8)
        for image, label in zip(images, labels, strict=True):
            pixels = image.tobytes()
            order = hashlib.sha256(SALT + pixels).digest()
            found.setdefault(order, Picture(order, pixels, int(label), part == "t10k"))
    return sorted(found.values())


def png(pixels: bytes) -> bytes:
    """The picture as PNG, with whichever of zlib's strategies packs it smallest."""
    image = Image.frombytes("L", (28, 28), pixels)
    packed = []
    for strategy in range(4):
        out = io.BytesIO()
        image.save(out, "PNG", optimize=True, compress_type=strategy)
        packed.append(out.getvalue())
    return min(packed, key=len)


def write_delivery(file: Path, names: list[str], images: list[bytes]) -> None:
    table = pa.table({"image": pa.array(images, pa.binary()), "name": pa.array(names, pa.string())})
    pq.write_table(
        table, file, compression="zstd", compression_level=19, use_dictionary=False, write_statistics=False,
        store_schema=False, row_group_size=2_000,
    )  # fmt: skip


def build(source: Path, target: Path) -> None:
    pictures = read(source)
    train = [p for p in pictures if not p.test][: FIRST + SECOND]
    test = [p for p in pictures if p.test][:TEST]
    first, second = sorted(train[:FIRST] + test), train[FIRST:]  # sorted: test pictures lie among the others
    name = {p.order: f"fm-{row:06d}.png" for row, p in enumerate(first + second)}
    image = {p.order: png(p.pixels) for p in first + second}

    (target / "inbox").mkdir(parents=True, exist_ok=True)
    for file, part in (("inbox/2026-01-first.parquet", first), ("second.parquet", second)):
        write_delivery(target / file, [name[p.order] for p in part], [image[p.order] for p in part])

    given = [p for c in range(len(CLASSES)) for p in [p for p in train[:FIRST] if p.label == c][:PER_CLASS]]
    with (target / "inbox" / "labels.csv").open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(("name", "label", "annotator", "time", "split"))
        for p in sorted(given):
            rows.writerow((name[p.order], CLASSES[p.label], "ana", "2026-01-12T09:00:00Z", "train"))
        for p in test:
            rows.writerow((name[p.order], CLASSES[p.label], "zalando", "2026-01-12T09:00:00Z", "test"))

    known = {p.order for p in given}
    rest = [p for p in train if p.order not in known]
    truth = {
        "id": pa.array([hashlib.sha256(image[p.order]).hexdigest() for p in rest], pa.string()),
        "label": pa.array([CLASSES[p.label] for p in rest], pa.string()),
    }
    pq.write_table(
        pa.table(truth), target / "truth.parquet", compression="zstd", compression_level=19,
        use_dictionary=["label"], write_statistics=False, store_schema=False,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the quickstart's data from Fashion-MNIST.")
    parser.add_argument("--source", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--target", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    build(arguments.source, arguments.target)
