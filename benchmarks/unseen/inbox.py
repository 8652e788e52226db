"""The inbox as a user has it: a flat folder of PNG files and a labels.csv."""

import csv
from pathlib import Path

from PIL import Image

from benchmarks.unseen.image_set import Images
from benchmarks.unseen.split import draw_labels
from components.errors import UserError


def write(folder: Path, found: Images, labels_per_class: int, draw: int) -> None:
    """Write all images as NUMBER.png and labels.csv with the columns path, label and split.

    Rows of labels.csv: every test image (split test) and `labels_per_class` training images a class (split train).
    All other training images have no label. Numbers are in random order and give no class away.

    Raises:
        UserError: the folder is not empty, or labels_per_class is below 1.
    """
    if labels_per_class < 1:
        raise UserError("value-out-of-range", f"labels per class must be at least 1, got {labels_per_class}")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(
            "folder-not-empty", f"the folder for the images must be empty or new, {folder} holds files"
        )
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number:05d}.png" for number in range(len(found))]
    for name, pixels in zip(names, found.images, strict=True):
        Image.fromarray(pixels).save(folder / name)
    labelled = set(draw_labels(found, labels_per_class, draw).tolist())
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "label", "split"])
        for row, name in enumerate(names):
            if found.test[row] or row in labelled:
                label = found.classes[int(found.labels[row])]
                writer.writerow([name, label, "test" if found.test[row] else "train"])
