"""The data sets of the benchmark, all read or generated on this machine, and the draw of the labels.

Letters: N samples, K classes, C channels, S side in pixels, T length of a signal.
"""

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from benchmarks.fewlabels.signals import SignalView
from components.arrays import Ints
from components.encoders import Encoder, build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import ImageConfig, image_packing
from components.modalities.image.pack import decode

ROOT = Path(__file__).resolve().parents[2]
LOUDEST = 5.5  # MNIST-1D reaches from -5.48 to 4.53


@dataclass(frozen=True)
class Data:
    """images: uint8 [N, C, S, S], or [N, 1, 1, T] of signals. labels: [N]. train, test: rows. weak, strong: views
    of a training with labels; pair: those of SimCLR. ratio: unlabelled samples a label in a step."""

    images: NDArray[np.uint8]
    labels: Ints
    train: Ints
    test: Ints
    weak: ViewConfig | SignalView
    strong: ViewConfig | SignalView
    pair: ViewConfig | SignalView
    encoder: ResnetConfig
    ratio: int = 4

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1

    def flat(self, rows: Ints) -> NDArray[np.float64]:
        return np.asarray(self.images[rows].reshape(len(rows), -1) / 255.0)

    def fresh(self, seed: int) -> Encoder:
        torch.manual_seed(seed)
        pixels = self.images[self.train] / 255.0
        return build_encoder(self.encoder, image_packing(1, [float(pixels.mean())], [float(pixels.std())]))


def digits() -> Data:
    """scikit-learn's: 1,197 for training and 600 to test, split once."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = np.round(found.images / 16 * 255).astype(np.uint8)[:, None]
    order = np.random.default_rng(0).permutation(len(images))
    view = ViewConfig(size=8, scale=(0.8, 1.0), flip=0, hue=0, saturation=0, grayscale=0, jitter=0)
    strong = {
        "scale": (0.5, 1.0),
        "rotate": 15.0,
        "translate": 0.1,
        "jitter": 0.8,
        "gamma": 0.4,
        "erase": 0.3,
    }
    return Data(
        images,
        found.target.astype(np.int64),
        order[600:],
        order[:600],
        view.model_copy(update={"translate": 0.05}),
        view.model_copy(update=strong),
        view.model_copy(update=strong),
        ResnetConfig(widths=(32, 64), blocks=(1, 1)),
    )


def fashion() -> Data:
    """The quickstart's first delivery of Fashion-MNIST: 16,000 for training, 4,000 to test."""
    folder = ROOT / "recipes" / "quickstart"
    table = pq.read_table(next((folder / "inbox").glob("*.parquet"))).to_pydict()
    with (folder / "inbox" / "labels.csv").open(newline="") as file:
        given = {row["name"]: (row["label"], row["split"]) for row in csv.DictReader(file)}
    known = pq.read_table(folder / "truth.parquet", columns=["id", "label"]).to_pydict()
    truth = dict(zip(known["id"], known["label"], strict=True))
    names = [
        truth.get(hashlib.sha256(image).hexdigest()) or given[name][0]
        for image, name in zip(table["image"], table["name"], strict=True)
    ]
    tested = np.array([given.get(name, ("", ""))[1] == "test" for name in table["name"]])
    images = np.stack([decode(image, ImageConfig(size=28, channels=1)) for image in table["image"]])
    view = ViewConfig(size=28, hue=0, saturation=0, grayscale=0, gamma=0.4)
    return Data(
        images,
        np.unique(names, return_inverse=True)[1].astype(np.int64),
        np.flatnonzero(~tested),
        np.flatnonzero(tested),
        view.model_copy(update={"scale": (0.7, 1.0), "jitter": 0.0}),
        view.model_copy(update={"scale": (0.3, 1.0), "erase": 0.5}),
        view.model_copy(
            update={"scale": (0.3, 1.0), "size": 20}
        ),  # half the cost, and no worse (docs/log.md)
        ResnetConfig(stem_stride=2),
        ratio=2,
    )


def mnist1d() -> Data:
    """MNIST-1D (arXiv:2011.14439) as its own package generates it, without a download: 4,000 signals of 40 numbers
    for training, 1,000 to test, in 256 steps from -5.5 to 5.5."""
    from mnist1d.data import make_dataset

    found = make_dataset()
    signals = np.concatenate([found["x"], found["x_test"]])
    grey = np.clip(0.5 + signals / (2 * LOUDEST), 0, 1)
    rows, first = np.arange(len(signals)), len(found["x"])
    strong = SignalView(stretch=0.2, shift=0.5, scale=0.2, slope=0.1, noise=0.02, silence=0.3)
    return Data(
        np.round(255 * grey).astype(np.uint8)[:, None, None],
        np.concatenate([found["y"], found["y_test"]]).astype(np.int64),
        rows[:first],
        rows[first:],
        SignalView(stretch=0.05, shift=0.1, scale=0.1, noise=0.005),
        strong,
        strong,
        ResnetConfig(widths=(32, 64, 128), blocks=(1, 1, 1)),
        ratio=2,
    )


SETS: dict[str, Callable[[], Data]] = {"digits": digits, "fashion": fashion, "mnist1d": mnist1d}


def draw(data: Data, wanted: str, seed: int) -> Ints:
    """Positions in data.train that have a label: equally many a class, as far as there are; or "all"."""
    labels = data.labels[data.train]
    if wanted == "all":
        return np.arange(len(labels))
    each, rng = int(wanted) // data.classes, np.random.default_rng([seed, int(wanted)])
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:each] for c in range(data.classes)]
    return np.sort(np.concatenate(chosen))
