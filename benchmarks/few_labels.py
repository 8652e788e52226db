"""Every method with few labels, beside public peers: python benchmarks/few_labels.py [--sets digits] [--labels 40] ...

scikit-learn's digits and the quickstart's Fashion-MNIST, both read from this machine; 10 to 400 labels or all of
them, equally many a class where there are enough, another draw and another initialisation for each seed; from
scratch, or from an encoder that SimCLR trained on the same unlabelled images. Beside the methods stand
scikit-learn's LabelSpreading, LabelPropagation and self-training with the same labels on the same test items.

Every run adds its rows to benchmarks/few_labels.json (a row measured again replaces the old one) and writes
docs/few-labels.md from all of them. --budget: seconds after which no further training is begun.
Letters: T test items, K classes.
"""

import argparse
import base64
import copy
import csv
import hashlib
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter

from components.augmentations.image import ViewConfig
from components.data.packed import Packed
from components.encoders import Encoder, build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image import ImageConfig, decode
from components.objectives import build_objective
from components.objectives.simclr import SimclrConfig
from components.semisupervised import METHODS, MethodConfig
from components.semisupervised.base import Method
from components.training.device import place
from components.training.fewlabels import FitConfig, Job, Material, fit, logits
from components.training.learner import Learner, features
from components.training.loop import TrainConfig, train
from components.training.optimiser import AdamwConfig
from components.training.source import ViewSource

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE = ROOT / "benchmarks" / "few_labels.json", ROOT / "docs" / "few-labels.md"
LAST = 3  # evaluations whose mean is reported beside the best
ANNOUNCED = {"fixmatch": {"threshold": 0.8}}  # settings that are not a method's default
PEERS = ("LabelSpreading", "LabelPropagation", "self-training, logistic", "logistic regression")

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Row = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """images: uint8 [N, C, S, S]. labels: [N]. train, test: rows. weak, strong: views."""

    images: NDArray[np.uint8]
    labels: Ints
    train: Ints
    test: Ints
    weak: ViewConfig
    strong: ViewConfig
    encoder: ResnetConfig

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1

    def flat(self, rows: Ints) -> NDArray[np.float64]:
        return np.asarray(self.images[rows].reshape(len(rows), -1) / 255.0)

    def fresh(self, seed: int) -> Encoder:
        torch.manual_seed(seed)
        pixels = self.images[self.train] / 255.0
        return build_encoder(self.encoder, 1, [float(pixels.mean())], [float(pixels.std())])


def digits() -> Data:
    """1,197 for training and 600 to test, split once."""
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
        ResnetConfig(widths=(32, 64), blocks=(1, 1)),
    )


def fashion() -> Data:
    """The quickstart's first delivery: 16,000 for training, 4,000 to test."""
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
        ResnetConfig(stem_stride=2),
    )


SETS: dict[str, Callable[[], Data]] = {"digits": digits, "fashion": fashion}


def draw(data: Data, wanted: str, seed: int) -> Ints:
    """Positions in data.train that have a label: equally many a class, as far as there are."""
    labels = data.labels[data.train]
    if wanted == "all":
        return np.arange(len(labels))
    each, rng = int(wanted) // data.classes, np.random.default_rng([seed, int(wanted)])
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:each] for c in range(data.classes)]
    return np.sort(np.concatenate(chosen))


def pretrained(data: Data, seed: int, epochs: int, folder: Path) -> Encoder:
    encoder = data.fresh(seed)
    objective = build_objective(SimclrConfig(view=data.strong), encoder, len(data.train))
    placement = place()
    source = ViewSource(
        Packed(data.images, data.train), objective.views, batch_size=256, seed=seed, device=placement.device
    )
    settings = TrainConfig(epochs=epochs, optimiser=AdamwConfig(weight_decay=1e-4), checkpoint_seconds=1e9)
    train(
        Learner(encoder, objective), source, settings, folder, lambda *_: None, seed=seed, placement=placement
    )
    return encoder


def measure(data: Data, name: str, use: Ints, encoder: Encoder, steps: int, seed: int, folder: Path) -> Row:
    """One training: right [T] of the averaged weights at the end, and what the live ones said on the way."""
    placement = place()
    test = Packed(data.images, data.test)
    truth = data.labels[data.test]
    nothing = np.zeros(0, dtype=np.int64)
    material = Material(
        Packed(data.images, data.train), data.classes, use, data.labels[data.train][use], nothing, nothing,
        nothing.astype(np.float64), data.weak, data.strong, placement, folder,
    )  # fmt: skip
    on_test = copy.copy(material)
    object.__setattr__(on_test, "packed", test)
    seen: list[float] = []

    def look(learner: Learner) -> dict[str, float]:
        assert isinstance(learner.objective, Method)
        found = features(learner.encoder, on_test.clean(np.arange(len(truth))), len(truth), placement)
        with torch.no_grad():
            said = learner.objective.head(found.to(placement.device)).argmax(dim=1).cpu().numpy()
        seen.append(float((said == truth).mean()))
        return {"test": seen[-1]}

    config = FitConfig(batch_size=50, ratio=4, checkpoint_seconds=1e9, seed=seed)
    torch.manual_seed(seed)
    job = Job("job", method_of(name, data), np.arange(len(use)), False, steps, 2e-3)
    began = time.time()
    trained = fit(job, config, material, copy.deepcopy(encoder), lambda *_: None, lambda _: None, look)
    right = logits(trained, on_test, np.arange(len(truth))).argmax(axis=1) == truth
    return {
        "right": pack(right),
        "last": mean(seen[-LAST:]),
        "best": max(seen),
        "seconds": round(time.time() - began, 1),
    }


def method_of(name: str, data: Data) -> MethodConfig:
    given: dict[str, Any] = {"name": name, **ANNOUNCED.get(name, {})}
    if name in ("m2", "ssgan"):
        given["side"] = data.weak.size
    found: MethodConfig = TypeAdapter(MethodConfig).validate_python(given)
    return found


def peer(data: Data, name: str, use: Ints) -> Row:
    """A model of scikit-learn on pixels, with the same labels and the same unlabelled images."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier

    logistic = LogisticRegression(max_iter=1000)
    models = {
        "LabelSpreading": LabelSpreading(kernel="knn", n_neighbors=7),
        "LabelPropagation": LabelPropagation(kernel="knn", n_neighbors=7, max_iter=5000),
        "self-training, logistic": SelfTrainingClassifier(logistic),
        "logistic regression": logistic,
    }
    x, y = data.flat(data.train), np.full(len(data.train), -1)
    y[use] = data.labels[data.train][use]
    began = time.time()
    model = models[name]
    if name == "logistic regression" or len(use) == len(x):
        x, y = x[use], y[use]
    model.fit(x, y)
    right = model.predict(data.flat(data.test)) == data.labels[data.test]
    return {"right": pack(right), "seconds": round(time.time() - began, 1)}


def pack(right: Bools) -> str:
    return f"{len(right)}:" + base64.b64encode(np.packbits(right).tobytes()).decode()


def unpack(text: str) -> Bools:
    size, bits = text.split(":")
    whole = np.unpackbits(np.frombuffer(base64.b64decode(bits), dtype=np.uint8))
    return np.asarray(whole[: int(size)].astype(bool))


def verdict(ours: list[Bools], base: list[Bools], resamples: int = 2000) -> tuple[str, float, float]:
    """better, equal or worse, and the 95 % interval of the difference: seeds and test items are drawn again."""
    difference = np.stack(ours).astype(float) - np.stack(base).astype(float)  # [seeds, T]
    rng, (seeds, items) = np.random.default_rng(0), difference.shape
    drawn = [
        difference[rng.integers(0, seeds, seeds)].mean(axis=0)[rng.integers(0, items, items)].mean()
        for _ in range(resamples)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return ("better" if low > 0 else "worse" if high < 0 else "equal"), float(low), float(high)


def key(row: Row) -> tuple[str, str, str, int, str, int]:
    return row["set"], row["labels"], row["start"], row["steps"], row["method"], row["seed"]


def page(rows: list[Row]) -> str:
    """docs/few-labels.md: a table for each data set, number of labels, start and number of steps."""
    text = (
        "# Few labels\n\nWritten by `benchmarks/few_labels.py` from `benchmarks/few_labels.json`; accuracy in %, "
        "mean over seeds of the averaged weights at the end. `last`: mean of the last "
        f"{LAST} evaluations of the live weights, `best`: their best. The verdict is against `supervised` with "
        "the same labels and seeds, by the 95 % interval of the paired difference (seeds and test items "
        "resampled).\n"
    )
    groups: dict[tuple[str, str, str, int], dict[str, dict[int, Row]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for row in rows:
        groups[key(row)[:4]][row["method"]][row["seed"]] = row
    order = {"10": 0, "40": 1, "100": 2, "400": 3, "all": 4}
    for name, labels, start, steps in sorted(groups, key=lambda g: (g[0], order.get(g[1], 9), *g[2:])):
        methods = groups[name, labels, start, steps]
        text += f"\n## {name}, {labels} labels, {start}, {steps} steps\n\n"
        text += "| method | accuracy | last | best | against supervised | seeds | s |\n|" + "---|" * 7 + "\n"
        lines = []
        for method, found in methods.items():
            right = {seed: unpack(row["right"]) for seed, row in found.items()}
            accuracy = 100 * mean(float(r.mean()) for r in right.values())
            base = {
                seed: unpack(row["right"])
                for seed, row in methods.get("supervised", {}).items()
                if seed in right
            }
            said = ""
            if base and method != "supervised":
                word, low, high = verdict([right[s] for s in base], list(base.values()))
                said = f"{word} ({100 * low:+.1f} to {100 * high:+.1f})"
            own = list(found.values())
            middle = [f"{100 * mean(r[k] for r in own):.1f}" if k in own[0] else "" for k in ("last", "best")]
            seconds = mean(r["seconds"] for r in own)
            cells = [
                method,
                f"{accuracy:.1f}",
                *middle,
                said,
                len(own),
                f"{seconds:.1f}",
            ]
            lines.append((accuracy, "| " + " | ".join(map(str, cells)) + " |\n"))
        text += "".join(line for _, line in sorted(lines, key=lambda pair: -pair[0]))
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["digits"])
    parser.add_argument("--labels", nargs="+", default=["40"], help="numbers of labels, or all")
    parser.add_argument("--methods", nargs="+", choices=sorted(METHODS), default=["fixmatch"])
    parser.add_argument("--starts", nargs="+", choices=["scratch", "pretrained"], default=["scratch"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--pretraining", type=int, default=100, help="epochs")
    parser.add_argument("--budget", type=float, default=600.0)
    given = parser.parse_args()
    began = time.time()
    rows = {key(row): row for row in (json.loads(RESULTS.read_text()) if RESULTS.exists() else [])}

    def keep(row: Row) -> None:
        rows[key(row)] = row
        RESULTS.write_text(json.dumps(list(rows.values()), indent=0))
        PAGE.write_text(page(list(rows.values())))
        print(*key(row), f"{100 * unpack(row['right']).mean():.1f}", f"{row['seconds']} s", flush=True)

    for name in given.sets:
        data = SETS[name]()
        for seed in given.seeds:
            starts = {"scratch": data.fresh(seed)}
            if "pretrained" in given.starts:
                with tempfile.TemporaryDirectory() as folder:
                    starts["pretrained"] = pretrained(data, seed, given.pretraining, Path(folder))
            for wanted in given.labels:
                use = draw(data, wanted, seed)
                for start in given.starts:
                    at = {"set": name, "labels": wanted, "start": start, "steps": given.steps, "seed": seed}
                    for other in PEERS:
                        keep({**at, "method": f"{other} (scikit-learn)", **peer(data, other, use)})
                    for method in dict.fromkeys(["supervised", *given.methods]):
                        if time.time() - began > given.budget:
                            print("budget spent: the rest is left out")
                            return
                        with tempfile.TemporaryDirectory() as folder:
                            found = measure(data, method, use, starts[start], given.steps, seed, Path(folder))
                        keep({**at, "method": method, **found})


if __name__ == "__main__":
    main()
