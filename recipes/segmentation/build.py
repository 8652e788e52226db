"""Build the segmentation example's data: scenes composed of the quickstart's pictures (Fashion-MNIST, MIT licence, see
LICENSE); run by hand, its results are kept.

    python recipes/segmentation/build.py [--source recipes/quickstart] [--target recipes/segmentation]

A scene has 64 x 64 grey pixels: three to five pictures, mirrored or not, dimmed, some over others, on textured ground.
A pixel's class is that of the picture on top. Test scenes are composed of pictures of the official test set, all others
of pictures of the training set.
"""

import argparse
import csv
import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

CLASSES = ("background", "top", "trousers", "dress", "shoe", "bag")
KINDS = {
    "t-shirt/top": 1, "pullover": 1, "coat": 1, "shirt": 1, "trouser": 2, "dress": 3, "sandal": 4, "sneaker": 4,
    "ankle boot": 4, "bag": 5,
}  # fmt: skip
SIDE, PICTURE, INK = 64, 28, 12  # INK: a pixel above it belongs to its object
UNLABELLED, LABELLED, TEST, SECOND = 560, 40, 100, 80
SEED = 20260


def pictures(source: Path) -> dict[str, list[tuple[np.ndarray, int]]]:
    """By split, pictures uint8 [28, 28] whose class is known, and the class."""
    table = pq.read_table(source / "inbox" / "2026-01-first.parquet").to_pydict()
    with (source / "inbox" / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    key = next(name for name in ("name", "path", "id") if name in rows[0])
    named = {row[key]: (row["split"], row["label"]) for row in rows}
    truth = pq.read_table(source / "truth.parquet").to_pydict()
    known = dict(zip(truth["id"], truth["label"], strict=True))
    found: dict[str, list[tuple[np.ndarray, int]]] = {"train": [], "test": []}
    for name, data in zip(table["name"], table["image"], strict=True):
        id = hashlib.sha256(data).hexdigest()
        split, label = named.get(name) or named.get(id) or ("train", known[id])
        pixels = np.asarray(Image.open(io.BytesIO(data)))
        found[split].append((pixels, KINDS[label.lower()]))
    return found


def silhouette(picture: np.ndarray) -> np.ndarray:
    """[28, 28] bool: the object, what it encloses included."""
    ink = Image.fromarray(np.pad(picture > INK, 1).astype(np.uint8) * 255).copy()  # which can be drawn on
    ImageDraw.floodfill(ink, (0, 0), 128)
    return np.asarray(ink)[1:-1, 1:-1] != 128


def ground(random: np.random.Generator) -> np.ndarray:
    """[64, 64] float: waves of two directions and clouds, of any brightness."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    texture = np.zeros((SIDE, SIDE))
    for _ in range(2):
        angle, waves = random.uniform(0, np.pi), random.uniform(2, 9)
        texture += np.sin(2 * np.pi * (waves * (np.cos(angle) * x + np.sin(angle) * y) + random.uniform()))
    clouds = Image.fromarray(random.normal(size=(6, 6)).astype(np.float32)).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )
    return random.uniform(40, 170) + random.uniform(4, 22) * texture + 18 * np.asarray(clouds)


def scene(known: list[tuple[np.ndarray, int]], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and classes, uint8 [64, 64] each."""
    image, mask = ground(random), np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(random.integers(3, 6)):
        pixels, kind = known[random.integers(len(known))]
        if random.uniform() < 0.5:
            pixels = pixels[:, ::-1]
        object_ = silhouette(pixels)
        top, left = random.integers(-4, SIDE - PICTURE + 5, 2)
        rows, columns = (slice(max(0, -at), min(PICTURE, SIDE - at)) for at in (top, left))
        into = (slice(max(0, top), min(SIDE, top + PICTURE)), slice(max(0, left), min(SIDE, left + PICTURE)))
        there = object_[rows, columns]
        shown = random.uniform(0.5, 1.0) * pixels[rows, columns] + random.uniform(0, 40)
        image[into] = np.where(there, shown, image[into])
        mask[into] = np.where(there, kind, mask[into])
    image = image + random.normal(scale=4.0, size=image.shape)
    return (np.clip(image, 0, 255) // 4 * 4).astype(np.uint8), mask


def png(pixels: np.ndarray, mask: bool = False) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(pixels)
    if mask:
        image.putpalette(
            [0, 0, 0, 78, 121, 167, 242, 142, 43, 225, 87, 89, 118, 183, 178, 237, 201, 72]
        )  # so that a viewer shows the classes
    image.save(out, format="PNG", optimize=True)
    return out.getvalue()


def write_table(images: list[np.ndarray], file: Path, start: int) -> None:
    names = [f"scene-{start + number:04}.png" for number in range(len(images))]
    pq.write_table(
        pa.table({"image": [png(image) for image in images], "name": names}), file, compression="none"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, default=Path("recipes/quickstart"))
    parser.add_argument("--target", type=Path, default=Path("recipes/segmentation"))
    arguments = parser.parse_args()
    known, random = pictures(arguments.source), np.random.default_rng(SEED)
    inbox = arguments.target / "inbox"
    at = 0
    for split, count in (("train", LABELLED), ("test", TEST)):
        (inbox / split / "masks").mkdir(parents=True, exist_ok=True)
        for _ in range(count):
            image, mask = scene(known[split], random)
            (inbox / split / f"scene-{at:04}.png").write_bytes(png(image))
            (inbox / split / "masks" / f"scene-{at:04}.png").write_bytes(png(mask, mask=True))
            at += 1
    first = [scene(known["train"], random)[0] for _ in range(UNLABELLED)]
    second = [scene(known["train"], random)[0] for _ in range(SECOND)]
    write_table(first, inbox / "2026-01-first.parquet", at)
    write_table(second, arguments.target / "second.parquet", at + UNLABELLED)
    (inbox / "classes.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
